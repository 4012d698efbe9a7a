/** Gathers the values of an option that may be repeated. */
export const repeated = (text: string, earlier: readonly string[] = []): readonly string[] => [
  ...earlier,
  text,
];
