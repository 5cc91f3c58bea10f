import { useState } from 'preact/hooks';
import { areKeysOn, switchKeys } from '../../app/keys.js';
import { preferredZone, preferZone } from '../../app/preferred-zone.js';
import { setTheme, useTheme } from '../../app/theme.js';
import { Page } from '../../parts/page.js';
import { preferencesTexts } from './texts.js';
import './preferences.css';

/** What people have chosen for this browser. */
export function Screen() {
  const theme = useTheme();
  const [zone, setZone] = useState(preferredZone);
  const [keys, setKeys] = useState(areKeysOn);
  return (
    <Page title={preferencesTexts.title}>
      <p class="quiet">{preferencesTexts.kept}</p>
      <Choices name={preferencesTexts.colours} words={preferencesTexts.themes} chosen={theme} onChoose={setTheme} />
      <Choices
        name={preferencesTexts.times}
        words={preferencesTexts.zones}
        chosen={zone}
        onChoose={(next) => {
          preferZone(next);
          setZone(next);
        }}
      />
      <fieldset class="preference">
        <legend>{preferencesTexts.keys}</legend>
        <label>
          <input
            type="checkbox"
            checked={keys}
            onChange={({ currentTarget }) => {
              switchKeys(currentTarget.checked);
              setKeys(currentTarget.checked);
            }}
          />{' '}
          {preferencesTexts.singleKeys}
        </label>
      </fieldset>
    </Page>
  );
}

interface ChoicesProps<Value extends string> {
  readonly name: string;
  readonly words: Readonly<Record<Value, string>>;
  readonly chosen: Value;
  readonly onChoose: (value: Value) => void;
}

function Choices<Value extends string>({ name, words, chosen, onChoose }: ChoicesProps<Value>) {
  return (
    <fieldset class="preference">
      <legend>{name}</legend>
      {(Object.keys(words) as Value[]).map((value) => (
        <label key={value}>
          <input type="radio" name={name} checked={value === chosen} onChange={() => onChoose(value)} /> {words[value]}
        </label>
      ))}
    </fieldset>
  );
}
