import type { ComponentChildren } from 'preact';

/** What is wrong with a field, by its name in the call. */
export type FieldErrors = ReadonlyMap<string, string>;

interface FieldGroupProps {
  readonly legend: string;
  /** Names of the fields in it. */
  readonly fields: readonly string[];
  readonly errors: FieldErrors;
  readonly children: ComponentChildren;
}

/** One numbered part of the form, with what was refused in it. */
export function FieldGroup({ legend, fields, errors, children }: FieldGroupProps) {
  const found = fields.flatMap((field) => errors.get(field) ?? []);
  return (
    <fieldset class="create-group">
      <legend>{legend}</legend>
      {children}
      {found.map((message) => (
        <p key={message} class="field-error" role="alert">
          {message}
        </p>
      ))}
    </fieldset>
  );
}

interface CheckProps {
  readonly label: string;
  readonly checked: boolean;
  /** Whether nobody can change it. */
  readonly isFixed?: boolean;
  readonly onChange: (checked: boolean) => void;
}

export function Check({ label, checked, isFixed = false, onChange }: CheckProps) {
  return (
    <label class="check">
      <input
        type="checkbox"
        checked={checked}
        disabled={isFixed}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}
