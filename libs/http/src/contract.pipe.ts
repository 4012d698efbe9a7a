import { type ArgumentMetadata, Injectable, StandardSchemaValidationPipe } from '@nestjs/common';
import { validationFailed } from '@syncline/contracts';

/**
 * Validates what a handler takes against the `schema` of its decorator: `@Body({ schema })`, `@Param(name,
 * { schema })`, `@Query({ schema })`. The same schema draws the OpenAPI document. A missing body counts as `{}`.
 * Unlike the pipe that it extends it removes no keys such as `constructor`: strict schemas refuse them where they do
 * not belong, and where any JSON goes they are the caller's.
 */
@Injectable()
export class ContractPipe extends StandardSchemaValidationPipe {
  // biome-ignore lint/suspicious/noExplicitAny: the signature of the class that it extends
  override async transform<T = any>(value: T, metadata: ArgumentMetadata): Promise<T> {
    const { schema, type, data } = metadata;
    if (schema === undefined || !this.toValidate(metadata)) return value;
    const given = type === 'body' && value === undefined ? {} : value;
    const result = await this.validate<T>(given, schema);
    if (result.issues) throw validationFailed(result.issues, data ?? type);
    return result.value;
  }
}
