import { z } from 'zod';
import { Problem, problemSchema } from './problem.js';
import { type Issue, issuesOf, ValidationFailed, validationFailed } from './validation.js';

/** The validation errors of a batch item. `item` is the value that was sent, so that the answer can name it. */
export class IllFormed extends ValidationFailed {
  readonly item: unknown;

  constructor(issues: readonly Issue[], item: unknown) {
    const { errors, more } = validationFailed(issues, 'item');
    super(errors, more);
    this.item = item;
  }
}

/** A batch item: the parsed value, or its validation errors. */
export type Judged<Item> = Item | IllFormed;

/**
 * The schema of a batch item that is validated by itself: an invalid item becomes an {@link IllFormed} in its place and
 * does not fail the other items. The OpenAPI document shows the schema of the item.
 */
export const batchItem = <Item extends z.ZodType>(
  item: Item,
): z.ZodType<Judged<z.output<Item>>, z.input<Item>> =>
  // zod calls this without a value to find the default for the JSON Schema: there is none.
  item.catch(
    ((failure?: { input: unknown }) =>
      failure && new IllFormed(issuesOf(item, failure.input), failure.input)) as never,
  );

/** The result of a refused item: the status that a single call would have, and the problem. */
export const refusedItemSchema = z.object({
  status: z.int().describe('HTTP status that a single call would have'),
  problem: problemSchema.describe('Why it was refused'),
});
export type RefusedItem = z.infer<typeof refusedItemSchema>;

/** @param instance path of the request */
export const refusedItem = (problem: Problem, instance: string): RefusedItem => ({
  status: problem.status,
  problem: problem.toBody(instance),
});

/**
 * The answer to a batch: one result for each item, in the order of the request.
 *
 * @param instance path of the request
 * @param nameOf fields that identify the refused item with this index
 * @throws the problem of the first item when all items were refused
 */
export function answerItems<Item extends object, Name extends object>(
  outcomes: readonly (Item | Problem)[],
  instance: string,
  nameOf: (index: number) => Name,
): (Item | (Name & RefusedItem))[] {
  const [first] = outcomes;
  if (first instanceof Problem && outcomes.every((outcome) => outcome instanceof Problem)) throw first;
  return outcomes.map((outcome, i) =>
    outcome instanceof Problem ? { ...nameOf(i), ...refusedItem(outcome, instance) } : outcome,
  );
}
