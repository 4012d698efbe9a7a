/**
 * Where a page of the names with a prefix begins and ends, as `ZRANGE ... BYLEX` takes it. A name after which the page
 * begins moves its start only: the names of the page have the prefix, whatever that name is.
 *
 * @param prefix what all names of the listing begin with, in ASCII
 * @param after name after which the page begins
 */
export function pageAfter(prefix: string, after: string | null | undefined): { from: string; to: string } {
  const from = after !== null && after !== undefined && after >= prefix ? `(${after}` : `[${prefix}`;
  // No continuation of the prefix in ASCII is larger than this.
  return { from, to: `[${prefix}\x7f` };
}
