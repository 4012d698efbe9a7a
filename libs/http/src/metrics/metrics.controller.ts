import { Controller, Get, Headers, Res, VERSION_NEUTRAL } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Metrics } from '@syncline/runtime';
import type { Response } from 'express';
import { Registry } from 'prom-client';
import { Open } from '../access/does.decorator.js';

const OPEN_METRICS = 'application/openmetrics-text';

@ApiTags('node')
@Open()
@Controller({ path: 'metrics', version: VERSION_NEUTRAL })
export class MetricsController {
  constructor(private readonly metrics: Metrics) {}

  @Get()
  @ApiOperation({
    summary: 'Serve Prometheus metrics',
    description: `To who accepts \`${OPEN_METRICS}\`, as Prometheus does: OpenMetrics, where durations of requests have the ids of traces as exemplars.`,
  })
  @ApiProduces('text/plain', OPEN_METRICS)
  @ApiOkResponse({ schema: { type: 'string' }, description: 'Prometheus text format, or OpenMetrics' })
  scrape(
    @Headers('accept') accepted: string | undefined,
    @Res({ passthrough: true }) response: Response,
  ): Promise<string> {
    const isOpen = accepted?.includes(OPEN_METRICS) ?? false;
    response.setHeader(
      'Content-Type',
      isOpen ? Registry.OPENMETRICS_CONTENT_TYPE : Registry.PROMETHEUS_CONTENT_TYPE,
    );
    return isOpen ? this.metrics.openMetrics() : this.metrics.registry.metrics();
  }
}
