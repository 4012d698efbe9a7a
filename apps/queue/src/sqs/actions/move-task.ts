import { ERRORS } from '../sqs-error.js';

/** A task that moves the dead letters of a queue. Times in ms since 1970. */
export interface MoveTask {
  readonly handle: string;
  /** Undefined: each goes back to where it came from. */
  readonly to?: string;
  readonly maxPerSecond?: number;
  readonly startedAt: number;
  /** When a node last worked on it. */
  readonly workedAt: number;
  readonly status: 'RUNNING' | 'COMPLETED' | 'CANCELLING' | 'CANCELLED' | 'FAILED';
  readonly moved: number;
  readonly toMove: number;
  /** Code of the error. */
  readonly failure?: string;
}

/** A node that works on a task says so more often than this. */
const ABANDONED_MS = 30_000;

/** A task as it stands: one that no node works on, because its node is gone, has failed. */
export function asItStands(task: MoveTask, now: number): MoveTask {
  const isAtWork = task.status === 'RUNNING' || task.status === 'CANCELLING';
  if (!isAtWork || now - task.workedAt < ABANDONED_MS) return task;
  return { ...task, status: 'FAILED', failure: ERRORS.serviceUnavailable.code };
}
