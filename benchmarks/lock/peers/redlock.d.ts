/** What the benchmarks use of redlock 4, which ships no types. */
declare module 'redlock' {
  import type { Redis } from 'ioredis';

  interface Settings {
    readonly retryCount: number;
    readonly retryDelay: number;
    readonly retryJitter: number;
  }
  interface Lock {
    unlock(): Promise<void>;
  }
  export default class Redlock {
    constructor(clients: Redis[], settings: Settings);
    lock(name: string, ttlMs: number): Promise<Lock>;
  }
}
