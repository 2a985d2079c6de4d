import { useId, useState, type SyntheticEvent } from 'react';

/** Asks for a key, where the server wants one. */
export function SignIn({
  reason,
  onKey,
}: {
  readonly reason: string;
  readonly onKey: (key: string) => void;
}) {
  const [key, setKey] = useState('');
  const id = useId();
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (key.trim() !== '') onKey(key.trim());
  };
  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1>Aegis</h1>
        <p>This installation asks who you are. Enter an API key or a signed token of it.</p>
        {reason === '' ? null : (
          <p role="alert" className="problem">
            {reason}
          </p>
        )}
        <label htmlFor={id}>Key</label>
        <input
          id={id}
          type="password"
          autoComplete="current-password"
          value={key}
          onChange={(event) => {
            setKey(event.target.value);
          }}
        />
        <button type="submit">Open the dashboard</button>
        <p className="soft">It is kept in this tab until you close it.</p>
      </form>
    </main>
  );
}
