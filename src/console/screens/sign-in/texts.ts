/** Texts of signing in. */
export const signInTexts = {
  title: 'Sign in',
  token: 'Token',
  submit: 'Sign in',
  checking: 'Checking …',
  wanted: (path: string) => `You get to ${path} then.`,
  noToken: 'No token yet? An administrator makes one:',
  oidc: 'Tokens of your identity provider work too, where the settings name it (api.oidc).',
  open: 'No token exists yet, so nobody needs one on this machine.',
  goOn: 'Go on',
  what: 'making a token',
} as const;
