import { Injectable } from '@nestjs/common';

/** Counts the call streams and event streams that clients have open. */
@Injectable()
export class OpenStreams {
  private open = 0;

  get count(): number {
    return this.open;
  }

  /** A stream was opened. Call the result once, when it is closed. */
  enter(): () => void {
    this.open += 1;
    return () => {
      this.open -= 1;
    };
  }
}
