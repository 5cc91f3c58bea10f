import { z } from 'zod';
import { listElement, mapEntry, type ParquetNode } from '../../parquet/parquet-schema.js';

/** Which fields the columns of files without ids are (`schema.name-mapping.default`). */
export interface MappedField {
  readonly fieldId: number | null;
  readonly names: readonly string[];
  readonly fields: readonly MappedField[];
}

const mappedShape: z.ZodType<MappedField> = z.lazy(() =>
  z
    .object({
      'field-id': z.number().int().nullish(),
      names: z.array(z.string()).default([]),
      fields: z.array(mappedShape).nullish(),
    })
    .transform((shape) => ({ fieldId: shape['field-id'] ?? null, names: shape.names, fields: shape.fields ?? [] })),
);

/** The table property that holds it. */
export const NAME_MAPPING = 'schema.name-mapping.default';

/** Null if the text is no name mapping. */
export function parseNameMapping(text: string): readonly MappedField[] | null {
  try {
    return z.array(mappedShape).parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** True if any column of a file, at any depth, has an id. */
export function hasFieldIds(nodes: readonly ParquetNode[]): boolean {
  return nodes.some((node) => node.fieldId !== null || hasFieldIds(node.children));
}

/** The columns of a file without ids, with those that the mapping gives them by their names. */
export function withMappedIds(nodes: readonly ParquetNode[], mapping: readonly MappedField[]): ParquetNode[] {
  return nodes.map((node) => withMappedId(node, fieldNamed(mapping, node.name)));
}

function fieldNamed(mapping: readonly MappedField[], name: string): MappedField | null {
  return mapping.find(({ names }) => names.includes(name)) ?? null;
}

function withMappedId(node: ParquetNode, mapped: MappedField | null): ParquetNode {
  const inner = mapped?.fields ?? [];
  return { ...node, fieldId: mapped?.fieldId ?? null, children: mappedChildren(node, inner) };
}

/** The mapping knows nothing of the groups that Parquet wraps items in. */
function mappedChildren(node: ParquetNode, inner: readonly MappedField[]): readonly ParquetNode[] {
  const names = new Map<ParquetNode, string>();
  const entry = isMap(node) ? mapEntry(node) : null;
  const element = listElement(node);
  if (entry) {
    names.set(entry.key, 'key');
    if (entry.value) names.set(entry.value, 'value');
  } else if (element) names.set(element, 'element');
  else return withMappedIds(node.children, inner);
  const named = (child: ParquetNode): ParquetNode => {
    const name = names.get(child);
    if (name !== undefined) return withMappedId(child, fieldNamed(inner, name));
    return { ...child, children: child.children.map(named) };
  };
  return node.children.map(named);
}

function isMap({ convertedType, logicalType }: ParquetNode): boolean {
  return /^MAP/.test(convertedType ?? '') || /^Map/i.test(logicalType ?? '');
}
