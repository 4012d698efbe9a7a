import { z } from 'zod';
import { type Problem, problemSchema } from './problem.js';
import { type ValidationFailed, validationFailed } from './validation.js';

/** An item of a batch: what the contract makes of it, or what is wrong with it. */
export type Judged<Item> = Item | ValidationFailed;

/**
 * The schema of an item of a batch that is judged by itself: an ill-formed one becomes the problem that stands in its
 * place, and does not spoil the others. The OpenAPI document shows the schema of the item.
 */
export const judged = <Item extends z.ZodType>(
  item: Item,
): z.ZodType<Judged<z.output<Item>>, z.input<Item>> =>
  // Without a value it is asked for the default that a JSON Schema shows: there is none.
  item.catch(
    ((failure?: { issues: z.core.$ZodIssue[] }) =>
      failure && validationFailed(failure.issues, 'item')) as never,
  );

/** What stands in the place of an item that was refused: its status, as if it had been called alone, and why. */
export const refusedItemSchema = z.object({ status: z.int(), problem: problemSchema });
export type RefusedItem = z.infer<typeof refusedItemSchema>;

/** @param instance path of the request */
export const refusedItem = (problem: Problem, instance: string): RefusedItem => ({
  status: problem.status,
  problem: problem.toBody(instance),
});
