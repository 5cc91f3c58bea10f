import { Icon } from '../../parts/icon.js';
import { type TableUpdate, UPDATE_LOOKS } from './update-words.js';
import { updatesTexts } from './updates-texts.js';

/** Shape, word and colour of how an update is getting on. */
export function UpdateState({ update: { state, mode } }: { readonly update: Pick<TableUpdate, 'state' | 'mode'> }) {
  const { icon, group } = UPDATE_LOOKS[state];
  return (
    <span class={`state group-${group}`}>
      <Icon name={icon} />
      <span>{state === 'RUNNING' && mode === 'CONTINUOUS' ? updatesTexts.following : updatesTexts.states[state]}</span>
    </span>
  );
}
