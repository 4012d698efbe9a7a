import type { Members } from './wire.js';

/** Members that are lists or maps, as elements: one after the other, under the name of one. */
const ELEMENTS: Readonly<Record<string, string | Readonly<Record<string, string>>>> = {
  QueueUrls: 'QueueUrl',
  queueUrls: 'QueueUrl',
  Messages: 'Message',
  Attributes: 'Attribute',
  MessageAttributes: 'MessageAttribute',
  Tags: 'Tag',
  Results: 'ListMessageMoveTasksResultEntry',
  Failed: 'BatchResultErrorEntry',
  Successful: {
    SendMessageBatch: 'SendMessageBatchResultEntry',
    DeleteMessageBatch: 'DeleteMessageBatchResultEntry',
    ChangeMessageVisibilityBatch: 'ChangeMessageVisibilityBatchResultEntry',
  },
};

/** The members of an answer as XML elements. */
export function toXml(action: string, members: Members): string {
  return Object.entries(members)
    .map(([name, value]) => {
      if (value === undefined) return '';
      const named = ELEMENTS[name];
      const element = (typeof named === 'object' ? named[action] : named) ?? name;
      if (Array.isArray(value)) return value.map((item) => one(action, element, item)).join('');
      if (named === undefined || typeof value !== 'object') return one(action, element, value);
      const key = name === 'Tags' ? 'Key' : 'Name';
      return Object.entries(value as Members)
        .map(
          ([each, its]) => `<${element}>${one(action, key, each)}${one(action, 'Value', its)}</${element}>`,
        )
        .join('');
    })
    .join('');
}

const one = (action: string, element: string, value: unknown): string =>
  `<${element}>${typeof value === 'object' && value !== null ? toXml(action, value as Members) : escapeXml(String(value))}</${element}>`;

/** A carriage return as it is would be read as a line feed. */
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#13;',
};

const escapeXml = (text: string): string => text.replaceAll(/[&<>"\r]/g, (char) => ESCAPES[char] ?? char);
