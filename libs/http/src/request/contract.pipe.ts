import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { checked } from '@syncline/contracts';
import type { z } from 'zod';

/**
 * Validates what a handler takes against the `schema` of its decorator: `@Body({ schema })`, `@Param(name,
 * { schema })`, `@Query({ schema })`. The same schema draws the OpenAPI document. A missing body counts as `{}`.
 * Keys such as `constructor` stay: strict schemas refuse them where they do not belong, and where any JSON goes they
 * are the caller's.
 */
@Injectable()
export class ContractPipe implements PipeTransform {
  transform(value: unknown, { schema, type, data }: ArgumentMetadata): unknown {
    if (schema === undefined) return value;
    const given = type === 'body' && value === undefined ? {} : value;
    return checked(schema as z.ZodType, given, data ?? type);
  }
}
