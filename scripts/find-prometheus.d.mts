/** Says how to install Prometheus. */
export const HOW_TO_GET_PROMETHEUS: string;
