/* The hub's server: a key for this visit, and where to use it. */

/** What the hub's server says to POST /api/join. */
export interface JoinAnswer {
  controlURL: string;
  controlKey: string;
  authKey: string;
  derpURLs: Record<string, string>;
  user: string;
  tailnet: string;
  loginServer: string;
}

export class JoinError extends Error {
  constructor(
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

export async function askToJoin(): Promise<JoinAnswer> {
  let response: Response;
  try {
    response = await fetch('/api/join', {method: 'POST', signal: AbortSignal.timeout(30_000)});
  } catch {
    throw new JoinError('hub', 'The hub does not answer.');
  }
  if (response.status === 401)
    throw new JoinError('hub-locked', 'The hub was restarted since this page was opened.');
  const answer = (await response.json().catch(() => ({}))) as JoinAnswer & {error?: string};
  if (!response.ok)
    throw new JoinError('headscale', answer.error ?? `The hub answered ${response.status}.`);
  return answer;
}
