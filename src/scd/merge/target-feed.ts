import { orderColumns, shownSequence } from '../event/sequence-order.js';
import type { TargetLayout } from '../target/target-layout.js';

/**
 * Visible rows of a target before and after a batch, paired by primary key, in a relation with columns
 * `__autocdc_was_there`, `__autocdc_is_there`, and for each side the selected columns and, for SCD type 2, start and
 * end.
 */
export type Side = 'before' | 'after';

/** A selected column of a pair, named by its position: prefixed names could become too long. */
export function pairColumn(side: Side, place: number): string {
  return `__autocdc_${side}_${place}`;
}

/** Order columns of a pair. */
export function pairOrder(layout: TargetLayout, side: Side, prefix: 's' | 'e'): string[] {
  return orderColumns(layout.order, `${side}_${prefix}`);
}

/** INSERT of a relation of pairs into the change feed. */
export function insertFeed(layout: TargetLayout, pairs: string, version: bigint): string {
  const { columns, feed, flow, order } = layout;
  const hasInterval = flow.scdType === 2;
  const rowsOf = (side: Side, changeType: string, isThere: string) => {
    const values = columns.map((_, place) => `p.${pairColumn(side, place)}`);
    const interval = hasInterval
      ? [shownSequence(order, `${side}_s`, 'p'), shownSequence(order, `${side}_e`, 'p')]
      : [];
    return `select ${[...values, ...interval].join(', ')}, ${changeType}, ${version}::bigint, statement_timestamp()
              from ${pairs} p where ${isThere}`;
  };
  const into = [...columns, ...(hasInterval ? ['"__START_AT"', '"__END_AT"'] : [])].join(', ');
  return `insert into ${feed} (${into}, _change_type, _commit_version, _commit_timestamp)
    ${rowsOf('before', `case when p.__autocdc_is_there then 'update_preimage' else 'delete' end`, 'p.__autocdc_was_there')}
    union all ${rowsOf('after', `case when p.__autocdc_was_there then 'update_postimage' else 'insert' end`, 'p.__autocdc_is_there')}`;
}
