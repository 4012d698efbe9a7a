import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { checked } from '@syncline/contracts';
import type { z } from 'zod';

/**
 * Validates the parameters of a handler by the `schema` of their decorators: `@Body({ schema })`, `@Param(name,
 * { schema })`, `@Query({ schema })`. The OpenAPI document uses the same schema. A missing body counts as `{}`. Keys such
 * as `constructor` are kept: strict schemas refuse unknown fields, and any JSON value may have such keys.
 */
@Injectable()
export class ContractPipe implements PipeTransform {
  transform(value: unknown, { schema, type, data }: ArgumentMetadata): unknown {
    if (schema === undefined) return value;
    const given = type === 'body' && value === undefined ? {} : value;
    return checked(schema as z.ZodType, given, data ?? type);
  }
}
