/**
 * The range of a page of names with a prefix, for `ZRANGE ... BYLEX`. `after` only moves the start of the page: all names
 * of the page have the prefix, for any value of `after`.
 *
 * @param prefix common prefix of the names, in ASCII
 * @param after last name of the previous page
 */
export function pageAfter(prefix: string, after: string | null | undefined): { from: string; to: string } {
  const from = after !== null && after !== undefined && after >= prefix ? `(${after}` : `[${prefix}`;
  // Larger than every ASCII string that starts with the prefix.
  return { from, to: `[${prefix}\x7f` };
}
