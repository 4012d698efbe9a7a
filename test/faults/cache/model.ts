import type { Operation } from '../core/history.js';

/** A call on one key. `expected`: the version that a compare-and-set names. */
export interface Input {
  readonly key: string;
  readonly value?: string;
  readonly expected?: string;
  readonly tags?: readonly string[];
}

/** What a call told: a value and its version, null for "there is none"; and where a read came from. */
export interface Output {
  readonly value: string | null;
  readonly version: string | null;
  readonly source?: string | undefined;
}

export type Call = Operation<Input, Output>;

/** A call as the register sees it. `required`: it certainly took effect between its two instants. */
export interface Step {
  readonly kind: 'read' | 'write' | 'delete';
  readonly from: number;
  readonly to: number;
  readonly required: boolean;
  /** Read: what it saw. Write: what it stored. Null: nothing. */
  readonly value: string | null;
  /** Write: only when the register held this. Undefined: whatever it held. */
  readonly expected?: string | undefined;
}

/** Whether a step may happen when the register holds `state`, and what it holds then. Undefined: it may not. */
export function apply(step: Step, state: string | null): string | null | undefined {
  switch (step.kind) {
    case 'read':
      return step.value === state ? state : undefined;
    case 'delete':
      return null;
    case 'write':
      return step.expected !== undefined && step.expected !== state ? undefined : step.value;
  }
}
