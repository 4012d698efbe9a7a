import {
  completeConfiguration,
  issuesOf,
  nameSchema,
  type PutQueue,
  type PutSchedule,
  putQueueSchema,
  putScheduleSchema,
  ValidationFailed,
} from '@syncline/contracts';
import type { z } from 'zod';
import { type Item, itemsIn } from './yaml-items.js';

/** What a file says of one queue or schedule. */
export interface Declared<Given> {
  readonly given: Given;
  /** As it stands there, without defaults. */
  readonly stated: object;
}

interface Fault {
  readonly message: string;
  readonly path?: readonly PropertyKey[];
  /** Fields that are not known: they have a place, but no path. */
  readonly keys?: readonly string[];
}

/** The queues and schedules that files declare, and everything that is wrong with them. */
export class Declarations {
  readonly queues = new Map<string, Declared<PutQueue>>();
  readonly schedules = new Map<string, Declared<PutSchedule>>();
  /** `file:line:column: what is wrong` */
  readonly faults: string[] = [];

  add(file: string, text: string): void {
    const refuse = (where: string, message: string) => this.faults.push(`${where}: ${message}`);
    for (const item of itemsIn(file, text, refuse)) {
      if (item.section === 'schedules') this.declare(this.schedules, item, putScheduleSchema);
      else {
        const judge = (given: PutQueue) => completeConfiguration(item.name, given);
        this.declare(this.queues, item, putQueueSchema, judge);
      }
    }
  }

  private declare<Given>(
    declared: Map<string, Declared<Given>>,
    item: Item,
    schema: z.ZodType<Given>,
    judge?: (given: Given) => void,
  ): void {
    const { name, value = {} } = item;
    if (declared.has(name)) this.refuse(item, { message: 'it is declared twice' });
    const issues = [...issuesOf(nameSchema, name), ...issuesOf(schema, value)];
    for (const issue of issues) this.refuse(item, issue);
    if (issues.length > 0) return;
    const given = schema.parse(value);
    try {
      judge?.(given);
    } catch (error) {
      if (!(error instanceof ValidationFailed)) throw error;
      for (const { path, message } of error.errors) this.refuse(item, { path: [path], message });
    }
    declared.set(name, { given, stated: value as object });
  }

  private refuse({ section, name, at }: Item, { path = [], message, keys = [] }: Fault): void {
    const where = at([...path, ...keys.slice(0, 1)]);
    this.faults.push(`${where}: ${[section, name, ...path].join('.')}: ${message}`);
  }
}
