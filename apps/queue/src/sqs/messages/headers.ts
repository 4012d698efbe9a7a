import type { MessageAttribute, MessageAttributes } from './message-attributes.js';

/** Headers of this kind tell what SQS knows of a message and the engine does not. No name of an attribute has a colon. */
const OWN = 'sqs:';
const TYPE = `${OWN}type:`;

/** What SQS itself says of a message, as headers. */
export const SYSTEM_HEADERS = {
  AWSTraceHeader: `${OWN}trace`,
  MessageDeduplicationId: `${OWN}deduplication-id`,
  SenderId: `${OWN}sender`,
  /** Of a standard queue: it orders nothing there. */
  MessageGroupId: `${OWN}group`,
} as const;
export type SystemName = keyof typeof SYSTEM_HEADERS;

type Headers = Readonly<Record<string, string>>;

/** Attributes of a message as its headers: each under its own name, its type beside it unless it is `String`. */
export function toHeaders(
  attributes: MessageAttributes,
  system: Readonly<Partial<Record<SystemName, string | undefined>>>,
): Headers {
  const own = Object.entries(system).flatMap(([name, value]) =>
    value === undefined ? [] : [[SYSTEM_HEADERS[name as SystemName], value]],
  );
  const given = [...attributes].flatMap(([name, { type, value }]) =>
    type === 'String'
      ? [[name, value]]
      : [
          [name, value],
          [`${TYPE}${name}`, type],
        ],
  );
  return Object.fromEntries([...given, ...own]);
}

/** The attributes in the headers of a message, whoever sent it. */
export function toAttributes(headers: Headers): MessageAttributes {
  return new Map(
    Object.entries(headers)
      .filter(([name]) => !name.startsWith(OWN))
      .map(([name, value]): [string, MessageAttribute] => [
        name,
        { type: headers[`${TYPE}${name}`] ?? 'String', value },
      ]),
  );
}

export const systemHeader = (headers: Headers, name: SystemName): string | undefined =>
  headers[SYSTEM_HEADERS[name]];
