import { z } from 'zod';
import { bodyPageLimitSchema, nameSchema } from './fields.js';
import { browsedMessageSchema, CURSORS, headersSchema, MAX_BATCH, MESSAGE_EXAMPLE } from './message.js';

/** Most messages that one call examines. */
export const MAX_EXAMINED = 5_000;

const textSchema = z.string().min(1).max(1_024);
const whereShape = {
  id: textSchema.optional().describe('Id of the message'),
  groupId: textSchema.optional().describe('The group that it is in'),
  header: headersSchema.optional().describe('Headers that it has, with these values'),
  body: textSchema.optional().describe('A text within its body: a string as it is, any other value as JSON'),
  reason: textSchema.optional().describe('A text within the reason of its latest attempt'),
};
/** What fits all that is given. */
export const whereSchema = z.strictObject(whereShape);
export type Where = z.infer<typeof whereSchema>;
const someWhereSchema = whereSchema
  .refine((where) => Object.values(where).some((given) => given !== undefined), {
    error: 'expected at least one condition',
  })
  .describe('At least one condition');

const CURSOR_OF_SOME = /^(ready@\d{0,16}|(delayed|inFlight)@(\d{1,16}:\d{1,16})?)$/;
const isCursorOf = { ...CURSORS, dead: CURSORS.ready };
const idsSchema = z.array(z.string().max(256).toLowerCase()).min(1).max(MAX_BATCH);

export const searchSchema = z
  .strictObject({
    state: z
      .enum(['ready', 'delayed', 'inFlight', 'dead'])
      .describe('`dead`: those in the dead-letter queue'),
    where: whereSchema.default({}).describe('All that is given must fit; nothing: every message'),
    cursor: z.string().optional().describe('`cursor` of the previous page of the same search'),
    limit: bodyPageLimitSchema,
  })
  .refine(({ state, cursor }) => cursor === undefined || isCursorOf[state].test(cursor), {
    path: ['cursor'],
    error: 'expected the cursor of a page of the same state',
  })
  .meta({ id: 'Search', example: { state: 'ready', where: { header: { source: 'shop' }, body: '42' } } });
export type Search = z.infer<typeof searchSchema>;

export const foundSchema = z
  .strictObject({
    messages: z.array(browsedMessageSchema).describe('Those that fit'),
    cursor: z.string().nullable().describe('Null at the end. Earlier pages may be short, or empty'),
    examined: z.int().describe(`How many messages were looked at; ${MAX_EXAMINED} at most`),
  })
  .meta({
    id: 'Found',
    example: {
      messages: [{ ...MESSAGE_EXAMPLE, receiveCount: 0, availableAt: null }],
      cursor: null,
      examined: 120,
    },
  });
export type Found = z.infer<typeof foundSchema>;

/** Some messages: by their ids, or by what they have. */
const selectionShape = {
  ids: idsSchema.optional().describe('Those that are not there are passed over'),
  where: someWhereSchema.optional(),
  cursor: z
    .string()
    .regex(CURSOR_OF_SOME, 'expected the cursor of an answer to the same call')
    .optional()
    .describe('With `where`: `cursor` of the previous answer'),
  max: z.int().min(1).optional().describe('Default: as many as there are, or as one call examines'),
};

export const deleteMessagesSchema = z
  .strictObject(selectionShape)
  .refine(({ ids, where }) => (ids === undefined) !== (where === undefined), {
    error: 'expected either ids or where',
  })
  .meta({ id: 'DeleteMessages', example: { where: { groupId: 'customer-7' } } });
export type DeleteMessages = z.infer<typeof deleteMessagesSchema>;

const moreSchema = z.string().nullable().describe('For the next call when more is left; null at the end');
export const deletedMessagesSchema = z
  .strictObject({ deleted: z.int().describe('How many were removed'), cursor: moreSchema })
  .meta({ id: 'DeletedMessages', example: { deleted: 12, cursor: null } });
export type DeletedMessages = z.infer<typeof deletedMessagesSchema>;

export const redriveSchema = z
  .strictObject({
    ...selectionShape,
    max: z.int().min(1).optional().describe('Default: all messages that are ready now'),
    to: nameSchema.optional().describe('Default: the original queue of each message'),
    id: z
      .uuid()
      .optional()
      .describe(
        'Chosen by the caller: for 5 minutes, a repeated call with this id moves nothing more. Not with `ids` or `where`, which move each message once',
      ),
  })
  .refine(({ ids, where }) => ids === undefined || where === undefined, {
    error: 'expected ids or where, not both',
  })
  .refine(({ id, ids, where }) => id === undefined || (ids === undefined && where === undefined), {
    path: ['id'],
    error: 'expected neither ids nor where beside it',
  })
  .meta({ id: 'Redrive', example: { where: { reason: 'TimeoutError' }, max: 100 } });
export type Redrive = z.infer<typeof redriveSchema>;
export const redrivenSchema = z
  .strictObject({ moved: z.int().describe('How many were moved'), cursor: moreSchema.optional() })
  .meta({ id: 'Redriven', example: { moved: 42 } });
export type Redriven = z.infer<typeof redrivenSchema>;
