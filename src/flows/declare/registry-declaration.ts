import { syncedTablesError } from '../../core/errors.js';
import type { PipelineDeclaration } from '../../core/flows/pipeline-declaration.js';
import { declareFlow } from './declare-flow.js';

/**
 * A pipeline in the form that the registry takes (`declare_pipeline`), once its flows are consistent. Checks against
 * the database and the sources come later.
 * @returns JSON
 * @throws the codes of the define phase (docs/reference/auto-cdc.md#when-errors-are-raised), AUTOCDC_MISSING_SOURCE
 */
export function registryDeclaration(pipeline: PipelineDeclaration): string {
  for (const { name, kind, options, source } of pipeline.flows) {
    declareFlow(name, kind, options);
    if (source.kind === 'name' && source.parts.length === 0) {
      throw syncedTablesError('AUTOCDC_MISSING_SOURCE', { flow: name });
    }
  }
  return JSON.stringify(sqlForm(pipeline));
}

/** A struct of columns becomes an ordinary expression. */
function sqlForm(pipeline: PipelineDeclaration): PipelineDeclaration {
  const flows = pipeline.flows.map((flow) => {
    const { sequence_by: sequence } = flow.options;
    if (typeof sequence !== 'object' || sequence === null) return flow;
    return { ...flow, options: { ...flow.options, sequence_by: `struct(${sequence.struct.join(', ')})` } };
  });
  return { ...pipeline, flows };
}
