/** Says how to install a browser. */
export const HOW_TO_GET_CHROMIUM: string;
