/**
 * The items of a listing, found under `field` of each page. Fetches one page at a time.
 *
 * @param page fetches a page: the first one, or the one of a cursor
 */
export async function* itemsOf<Field extends string, Item>(
  field: Field,
  page: (from: { readonly cursor?: string }) => Promise<Record<Field, Item[]> & { cursor: string | null }>,
): AsyncGenerator<Item, void, void> {
  let cursor: string | null = null;
  do {
    const fetched: Record<Field, Item[]> & { cursor: string | null } = await page(
      cursor === null ? {} : { cursor },
    );
    yield* fetched[field];
    cursor = fetched.cursor;
  } while (cursor !== null);
}
