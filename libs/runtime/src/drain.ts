import { Injectable, type OnModuleDestroy } from '@nestjs/common';
import { Problem } from '@syncline/contracts';

/** The node stops: try another one, or this one again after a moment. */
export class ShuttingDown extends Problem {
  constructor() {
    super('shutting-down', 'This node is shutting down. Send the request to another node.');
  }
}

/** Tells everything that waits in this process that it stops. */
@Injectable()
export class Drain implements OnModuleDestroy {
  private readonly stop = new AbortController();

  /** Aborted with {@link ShuttingDown} when the process begins to stop: parked requests end on it. */
  get signal(): AbortSignal {
    return this.stop.signal;
  }

  get draining(): boolean {
    return this.stop.signal.aborted;
  }

  onModuleDestroy(): void {
    this.stop.abort(new ShuttingDown());
  }
}
