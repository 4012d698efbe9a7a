/** How to get a browser, for a person whose machine has none. */
export const HOW_TO_GET_CHROMIUM: string;
