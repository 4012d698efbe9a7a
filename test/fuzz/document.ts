import { z } from 'zod';

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly example?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly additionalProperties?: boolean | Schema;
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required?: boolean;
  readonly schema?: Schema;
}
interface Documented {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}

/** One operation of an OpenAPI document. */
export interface Operation extends Documented {
  readonly method: string;
  readonly path: string;
}

/** The OpenAPI document of a node, and what it says of an answer. */
export class ApiDocument {
  readonly operations: readonly Operation[];
  private readonly schemas: Readonly<Record<string, Schema>>;
  private readonly checks = new Map<string, z.ZodType>();

  constructor(document: {
    readonly paths: Readonly<Record<string, Readonly<Record<string, Documented>>>>;
    readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  }) {
    this.schemas = document.components.schemas;
    this.operations = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        path,
      })),
    );
  }

  resolve(schema: Schema): Schema {
    const { $ref } = schema;
    return $ref === undefined ? schema : (this.schemas[$ref.replace('#/components/schemas/', '')] ?? {});
  }

  /** What is wrong with an answer; null: nothing. */
  faultOf(
    { method, path, responses }: Operation,
    status: number,
    type: string,
    body: unknown,
  ): string | null {
    const declared = responses[status];
    if (declared === undefined) return `status ${status} is not declared`;
    const schema = declared.content?.[type]?.schema;
    if (schema === undefined) return null;
    const key = `${method} ${path} ${status} ${type}`;
    let check = this.checks.get(key);
    if (check === undefined) {
      check = this.toCheck(schema);
      this.checks.set(key, check);
    }
    const { error } = check.safeParse(body);
    return error === undefined ? null : `the answer is off its schema: ${z.prettifyError(error)}`;
  }

  private toCheck(schema: Schema): z.ZodType {
    const whole = { ...schema, definitions: this.schemas };
    const text = JSON.stringify(whole).replaceAll('#/components/schemas/', '#/definitions/');
    return z.fromJSONSchema(JSON.parse(text), { defaultTarget: 'openapi-3.0' });
  }
}
