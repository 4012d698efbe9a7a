import { type BodyIssue, InvalidBodyError } from '../../errors.js';
import type { Message } from '../message.js';

/** What a schema returns: the value as it is to be used, or what is wrong with it. */
export type JudgedBody =
  | { readonly value: unknown; readonly issues?: undefined }
  | { readonly issues: readonly BodyIssue[] };

/** Any schema that implements Standard Schema, such as those of Zod, Valibot and ArkType. */
export interface BodySchema {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    /** Judges a value. */
    readonly validate: (value: unknown) => JudgedBody | Promise<JudgedBody>;
  };
}

/**
 * The message with its body as the schema returns it.
 *
 * @throws {InvalidBodyError} the body does not fit
 */
export async function withCheckedBody<Body>(
  message: Message<Body>,
  schema: BodySchema,
): Promise<Message<Body>> {
  const judged = await schema['~standard'].validate(message.body);
  if (judged.issues !== undefined) throw new InvalidBodyError(message.id, judged.issues);
  return { ...message, body: judged.value as Body };
}
