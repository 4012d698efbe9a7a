import type { LoggerService } from '@nestjs/common';
import { warn } from '@syncline/client/ports';

/** What engines log becomes warnings of the process: its output belongs to the application. */
export class Warnings implements LoggerService {
  log(): void {}

  warn(message: unknown): void {
    warn(message);
  }

  error(message: unknown): void {
    warn(message);
  }
}
