import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { checked } from '@syncline/contracts';
import type { z } from 'zod';
import { realmOfValue, toInside } from '../tenants/realm.js';

/**
 * Validates the parameters of a handler by the `schema` of their decorators: `@Body({ schema })`, `@Param(name,
 * { schema })`, `@Query({ schema })`. The OpenAPI document uses the same schema. A missing body counts as `{}`. Keys such
 * as `constructor` are kept: strict schemas refuse unknown fields, and any JSON value may have such keys. Names from a tenant get its
 * realm when they were found valid.
 */
@Injectable()
export class ContractPipe implements PipeTransform {
  transform(value: unknown, { schema, type, data }: ArgumentMetadata): unknown {
    if (schema === undefined) return value;
    const given = type === 'body' && value === undefined ? {} : value;
    const ofTenant = realmOfValue(given);
    if (ofTenant === undefined) return checked(schema as z.ZodType, given, data ?? type);
    const parsed = checked(schema as z.ZodType, ofTenant.value, data ?? type);
    return toInside(schema as z.ZodType, parsed, ofTenant.realm);
  }
}
