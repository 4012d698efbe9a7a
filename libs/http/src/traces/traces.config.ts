import { z } from 'zod';

const endpoint = z.url({ protocol: /^https?$/ }).optional();

/**
 * The variables of OpenTelemetry that decide whether a node has traces, and those of its SDK that would be passed over in silence when they
 * are wrong.
 */
export const TRACES_VARIABLES = {
  OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint,
  OTEL_TRACES_EXPORTER: z.enum(['otlp', 'none']).default('otlp'),
  OTEL_SDK_DISABLED: z.stringbool().default(false),
  OTEL_TRACES_SAMPLER: z
    .enum([
      'always_on',
      'always_off',
      'traceidratio',
      'parentbased_always_on',
      'parentbased_always_off',
      'parentbased_traceidratio',
    ])
    .optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).optional(),
};

type TracesEnv = z.infer<z.ZodObject<typeof TRACES_VARIABLES>>;

/** Where traces are sent; undefined: nowhere. */
export function collectorOf(env: TracesEnv): string | undefined {
  if (env.OTEL_SDK_DISABLED || env.OTEL_TRACES_EXPORTER === 'none') return undefined;
  return env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? env.OTEL_EXPORTER_OTLP_ENDPOINT;
}
