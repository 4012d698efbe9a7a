import type { LoggerService } from '@nestjs/common';
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';

type Callback = Parameters<SpanExporter['export']>[1];

/** An exporter that logs once that spans do not arrive, and once that they do again. */
export class ReportedExporter implements SpanExporter {
  private lost = 0;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly logger: Pick<LoggerService, 'log' | 'warn'>,
  ) {}

  export(spans: ReadableSpan[], callback: Callback): void {
    this.exporter.export(spans, (result) => {
      this.report(spans.length, result);
      callback(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  private report(spans: number, { error }: Parameters<Callback>[0]): void {
    if (error === undefined) {
      if (this.lost > 0) this.logger.log({ msg: 'Spans arrive at the collector again', lost: this.lost });
      this.lost = 0;
      return;
    }
    // The message alone: the error has what the collector answered.
    if (this.lost === 0)
      this.logger.warn({ msg: 'Spans do not arrive at the collector', why: error.message });
    this.lost += spans;
  }
}
