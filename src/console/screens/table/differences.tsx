import type { VerificationReply } from '../../../api/native/tables/verification-schema.js';
import { ListHead } from '../../parts/list-head.js';
import { verifyTexts } from './verify-texts.js';

type Difference = NonNullable<VerificationReply['differences']>[number];

/** Rows that differ: a line for each column in which they do. */
export function Differences({ differences }: { readonly differences: readonly Difference[] }) {
  const { columns } = verifyTexts;
  return (
    <>
      <h2>{verifyTexts.differences(differences.length)}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls sideways has to be reached by keyboard */}
      <section class="grid" aria-label={verifyTexts.differences(differences.length)} tabIndex={0}>
        <table>
          <ListHead columns={columns} />
          <tbody>
            {differences.map((difference) => (
              <DifferenceRows key={JSON.stringify(difference.key)} difference={difference} />
            ))}
          </tbody>
        </table>
      </section>
    </>
  );
}

function DifferenceRows({ difference: { difference, key, source, target } }: { readonly difference: Difference }) {
  const names = [...new Set([...Object.keys(source ?? {}), ...Object.keys(target ?? {})])].filter(
    (name) => !(name in key),
  );
  const keyText = Object.entries(key)
    .map(([name, value]) => `${name} = ${value}`)
    .join(', ');
  // A row of nothing but its key differs by being there.
  const lines = names.length === 0 ? [null] : names;
  return (
    <>
      {lines.map((name) => (
        <tr key={name}>
          <td>{verifyTexts.kinds[difference]}</td>
          <td>{keyText}</td>
          <td>{name}</td>
          <td>{name === null ? '' : valueText(source, name)}</td>
          <td>{name === null ? '' : valueText(target, name)}</td>
        </tr>
      ))}
    </>
  );
}

function valueText(row: Readonly<Record<string, string | null>> | null, name: string): string {
  if (row === null) return '';
  return row[name] ?? verifyTexts.null;
}
