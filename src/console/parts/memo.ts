import { Component, type ComponentChild, type FunctionComponent, h } from 'preact';

/** The same component, drawn again only if one of its properties is another object or value. For rows of long lists. */
export function memo<Props extends object>(part: (props: Props) => ComponentChild): FunctionComponent<Props> {
  class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const names = Object.keys({ ...this.props, ...next }) as (keyof Props)[];
      return names.some((name) => this.props[name] !== next[name]);
    }

    override render(): ComponentChild {
      return h(part as FunctionComponent<Props>, this.props);
    }
  }
  return Memo as unknown as FunctionComponent<Props>;
}
