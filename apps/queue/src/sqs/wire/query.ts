import { ERRORS, SqsError } from '../sqs-error.js';
import type { AskedAction, Members, Wire } from './wire.js';
import { toXml } from './xml.js';

const NAMESPACE = 'http://queue.amazonaws.com/doc/2012-11-05/';

/** Query: members are those of a form, answers are XML. */
export const queryWire: Wire = {
  contentType: 'text/xml',
  result: (action, output, requestId) => {
    const inner = WITHOUT_RESULT.has(action)
      ? ''
      : `<${action}Result>${toXml(action, output)}</${action}Result>`;
    return document(
      `${action}Response`,
      `${inner}<ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`,
    );
  },
  error: ({ kind, message, isSender }, requestId) =>
    document(
      'ErrorResponse',
      `<Error>${toXml('Error', { Type: isSender ? 'Sender' : 'Receiver', Code: kind.code, Message: OWN_TEXTS.get(kind) ?? message })}<Detail/></Error><RequestId>${requestId}</RequestId>`,
    ),
};

/** The others have a result also where there is nothing to tell: clients look for it. */
const WITHOUT_RESULT: ReadonlySet<string> = new Set([
  ...['AddPermission', 'RemovePermission', 'SetQueueAttributes', 'TagQueue', 'UntagQueue', 'PurgeQueue'],
  ...['DeleteQueue', 'DeleteMessage', 'ChangeMessageVisibility'],
]);

/** What this protocol says in other words. */
const OWN_TEXTS = new Map([
  [ERRORS.queueDoesNotExist, 'The specified queue does not exist for this wsdl version.'],
]);

const document = (root: string, content: string) =>
  `<?xml version="1.0"?><${root} xmlns="${NAMESPACE}">${content}</${root}>`;

/** Lists of a form, `Name.1`, `Name.2`, and what they are called in the JSON protocol. */
const LISTS = new Map(
  Object.entries({
    AttributeName: 'AttributeNames',
    MessageAttributeName: 'MessageAttributeNames',
    MessageSystemAttributeName: 'MessageSystemAttributeNames',
    TagKey: 'TagKeys',
    ActionName: 'Actions',
    AWSAccountId: 'AWSAccountIds',
    SendMessageBatchRequestEntry: 'Entries',
    DeleteMessageBatchRequestEntry: 'Entries',
    ChangeMessageVisibilityBatchRequestEntry: 'Entries',
  }),
);
/** Maps of a form, `Name.1.Key` and `Name.1.Value`: what they are called, and how their keys are. */
const MAPS = new Map<string, { readonly name: string; readonly key: 'Name' | 'Key' }>(
  Object.entries({
    Attribute: { name: 'Attributes', key: 'Name' },
    MessageAttribute: { name: 'MessageAttributes', key: 'Name' },
    MessageSystemAttribute: { name: 'MessageSystemAttributes', key: 'Name' },
    Tag: { name: 'Tags', key: 'Key' },
  } as const),
);

/** Names of fields, divided at their dots. */
type Tree = Map<string, Tree | string>;

/** @throws SqsError */
export function readQueryAction(fields: URLSearchParams): AskedAction {
  const action = fields.get('Action');
  if (action === null)
    throw new SqsError(ERRORS.missingParameter, 'The request must contain the parameter Action.');
  const tree: Tree = new Map();
  for (const [name, value] of fields) if (!name.startsWith('X-Amz-')) plant(tree, name.split('.'), value);
  return { action, members: toMembers(tree), wire: queryWire };
}

function plant(tree: Tree, path: readonly string[], value: string): void {
  let at = tree;
  for (const part of path.slice(0, -1)) {
    const known = at.get(part);
    const next: Tree = known instanceof Map ? known : new Map();
    at.set(part, next);
    at = next;
  }
  at.set(path.at(-1) ?? '', value);
}

function toMembers(tree: Tree): Members {
  return Object.fromEntries(
    [...tree].map(([name, value]): [string, unknown] => {
      const list = LISTS.get(name);
      const map = MAPS.get(name);
      if (list !== undefined) return [list, itemsOf(value)];
      if (map !== undefined) {
        const pairs = itemsOf(value).map((item) => {
          const { [map.key]: key, Value } = Object(item) as Record<string, unknown>;
          return [String(key), Value] as const;
        });
        return [map.name, Object.fromEntries(pairs)];
      }
      return [name, value instanceof Map ? toMembers(value) : value];
    }),
  );
}

/** In the order of their numbers. */
function itemsOf(value: Tree | string): unknown[] {
  if (!(value instanceof Map)) return [value];
  return [...value]
    .sort(([a], [b]) => Number(a) - Number(b))
    .map(([, item]) => (item instanceof Map ? toMembers(item) : item));
}
