import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';

const RESOLUTION_MS = 10;
const WINDOW_MS = 5_000;
const NS_PER_MS = 1e6;

/** How long the event loop of this process was held up lately. */
@Injectable()
export class EventLoopLag implements OnModuleInit, OnModuleDestroy {
  private readonly delays: IntervalHistogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  /** The longest delay of the window before, ms. */
  private before = 0;
  private windows: NodeJS.Timeout | undefined;

  onModuleInit(): void {
    this.delays.enable();
    this.windows = setInterval(() => {
      this.before = this.longest();
      this.delays.reset();
    }, WINDOW_MS).unref();
  }

  onModuleDestroy(): void {
    this.delays.disable();
    clearInterval(this.windows);
  }

  /** The longest delay of the last 5 to 10 s, ms. */
  get ms(): number {
    return Math.max(this.before, this.longest());
  }

  /** What is measured are the intervals of a timer. */
  private longest(): number {
    return Math.max(0, this.delays.max / NS_PER_MS - RESOLUTION_MS);
  }
}
