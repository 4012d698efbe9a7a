import { answerItems, IllFormed, type Judged, Problem, type RefusedItem } from '@syncline/contracts';

/**
 * Does something for each item of a batch by itself: what is refused has its problem in its place, named by its key.
 *
 * @param path of the request
 * @throws Problem the first one, when all items are refused
 */
export async function each<Item extends string | { readonly key: string }, Result extends object>(
  items: readonly Judged<Item>[],
  path: string,
  perform: (item: Item) => Promise<Result>,
): Promise<(Result | (RefusedItem & { readonly key: unknown }))[]> {
  const outcomes = await Promise.all(
    items.map(async (item) => {
      if (item instanceof IllFormed) return item;
      try {
        return await perform(item);
      } catch (error) {
        if (error instanceof Problem) return error;
        throw error;
      }
    }),
  );
  return answerItems(outcomes, path, (i) => ({ key: keyOf(items[i]) }));
}

function keyOf(item: unknown): unknown {
  const sent = item instanceof IllFormed ? item.item : item;
  return typeof sent === 'object' && sent !== null && 'key' in sent ? sent.key : sent;
}
