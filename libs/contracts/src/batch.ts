import { z } from 'zod';
import { Problem, problemSchema } from './problem.js';
import { ValidationFailed, validationFailed } from './validation.js';

/** What is wrong with an item of a batch; `item` is what was sent, so that the answer can name it. */
export class IllFormed extends ValidationFailed {
  readonly item: unknown;

  constructor(issues: readonly z.core.$ZodIssue[], item: unknown) {
    const { errors, more } = validationFailed(issues, 'item');
    super(errors, more);
    this.item = item;
  }
}

/** An item of a batch: what the contract makes of it, or what is wrong with it. */
export type Judged<Item> = Item | IllFormed;

/**
 * The schema of an item of a batch that is judged by itself: an ill-formed one becomes the problem that stands in its
 * place, and does not spoil the others. The OpenAPI document shows the schema of the item.
 */
export const judged = <Item extends z.ZodType>(
  item: Item,
): z.ZodType<Judged<z.output<Item>>, z.input<Item>> =>
  // Without a value it is asked for the default that a JSON Schema shows: there is none.
  item.catch(
    ((failure?: { error: { issues: z.core.$ZodIssue[] }; input: unknown }) =>
      failure && new IllFormed(failure.error.issues, failure.input)) as never,
  );

/** What stands in the place of an item that was refused: its status, as if it had been called alone, and why. */
export const refusedItemSchema = z.object({ status: z.int(), problem: problemSchema });
export type RefusedItem = z.infer<typeof refusedItemSchema>;

/** @param instance path of the request */
export const refusedItem = (problem: Problem, instance: string): RefusedItem => ({
  status: problem.status,
  problem: problem.toBody(instance),
});

/**
 * The answer to a batch: each item's own in its place, in the order of the request.
 *
 * @param instance path of the request
 * @param nameOf what names a refused item, by its index
 * @throws what the first item was refused for, when all were
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
