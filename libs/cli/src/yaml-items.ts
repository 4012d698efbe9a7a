import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  LineCounter,
  type Node,
  parseAllDocuments,
  visit,
} from 'yaml';
import { isRounded } from './message-body.js';

const SECTIONS = ['queues', 'schedules'] as const;

/** One named value in a section of a file. */
export interface Item {
  readonly section: (typeof SECTIONS)[number];
  readonly name: string;
  /** Undefined: there is only a name. */
  readonly value: unknown;
  /** The `file:line:column` of a field of it, or else of what it would stand in. */
  at(path: readonly PropertyKey[]): string;
}

/** Takes what is wrong. */
export type Refuse = (where: string, message: string) => void;

/** The items of the sections in a file of YAML, or of JSON. A name is what stands there: `1.0` is `1.0`. */
export function* itemsIn(file: string, text: string, refuse: Refuse): Generator<Item> {
  const lines = new LineCounter();
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  // Tags would make what JSON cannot carry.
  const options = { lineCounter: lines, prettyErrors: false, resolveKnownTags: false };
  const documents = parseAllDocuments(text, options);
  // Such as an empty document between two that are not.
  if (documents.every(({ contents, errors }) => isNothing(contents) && errors.length === 0)) {
    refuse(`${file}:1:1`, 'expected queues or schedules, and there is nothing');
  }
  for (const document of documents) {
    const broken = [...document.errors, ...document.warnings];
    for (const { pos, message } of broken) refuse(at(pos[0]), message);
    if (broken.length === 0) yield* itemsOf(document, (node) => at(startOf(node)), refuse);
  }
}

function* itemsOf(document: Document, at: (node: unknown) => string, refuse: Refuse): Generator<Item> {
  visit(document, {
    Scalar: (_, node) => {
      const { value, source = '' } = node;
      if (typeof value === 'number' && isRounded(source))
        refuse(at(node), `JSON would round ${source}: quote it`);
    },
  });
  const resolved = (node: unknown) => (isAlias(node) ? node.resolve(document) : node);
  const fieldsOf = (node: unknown) => {
    const value = resolved(node);
    return isMap(value) ? value.items.map((pair) => ({ ...pair, name: textOf(pair.key) })) : [];
  };
  const requireMap = (node: unknown, where: string) => {
    const value = resolved(node);
    if (!isMap(value) && !isNothing(value))
      refuse(at(node), `${where}: expected names, each with its fields`);
  };
  requireMap(document.contents, 'the file');
  for (const { key: head, value: named, name: title } of fieldsOf(document.contents)) {
    const section = SECTIONS.find((each) => each === title);
    if (section === undefined) {
      refuse(at(head), `${title}: expected queues or schedules`);
      continue;
    }
    requireMap(named, section);
    for (const { key, value, name } of fieldsOf(named)) {
      const locate = (path: readonly PropertyKey[]) => {
        let [place, node] = [key, value];
        for (const step of path) {
          const field = fieldsOf(node).find((each) => each.name === String(step));
          if (field === undefined) break;
          [place, node] = [field.key, field.value];
        }
        return at(place);
      };
      try {
        const given = isNothing(value) ? undefined : (value as Node).toJS(document);
        yield { section, name, value: given, at: locate };
      } catch (error) {
        // An alias that is not there, or that makes too much of little.
        refuse(at(key), `${section}.${name}: ${(error as Error).message}`);
      }
    }
  }
}

const startOf = (node: unknown) => (node as Node | null)?.range?.[0] ?? 0;
const isNothing = (node: unknown) => node === null || (isScalar(node) && node.value === null);
const textOf = (key: unknown) => (isScalar(key) ? (key.source ?? String(key.value)) : String(key));
