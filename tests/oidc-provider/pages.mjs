// The two pages of a visit, plain HTML without scripts: who are you, and do you agree. Any password does.

const SAFE = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const safe = (text) => String(text).replace(/[&<>"]/g, (c) => SAFE[c]);

const page = (title, inside) => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
<h1>${title}</h1>
${inside}
`;

function login(action, problem) {
  return page('Sign in with the test provider', `${problem ? `<p role="alert">${safe(problem)}</p>` : ''}
<form method="post" action="${action}/login">
<p><label>Login <input name="login" autocomplete="username" required></label></p>
<p><label>Password <input name="password" type="password" value="any" autocomplete="current-password"></label></p>
<p><button type="submit" id="login">Sign in</button></p>
</form>
<form method="post" action="${action}/cancel"><p><button type="submit" id="cancel">Cancel</button></p></form>`);
}

function consent(action, details) {
  return page('Share your account?', `<p>${safe(details.params.client_id)} asks for: ${safe(details.params.scope)}</p>
<form method="post" action="${action}/agree"><p><button type="submit" id="agree">Share</button></p></form>
<form method="post" action="${action}/cancel"><p><button type="submit" id="cancel">Cancel</button></p></form>`);
}

// Everything that was asked for is given.
export async function granted(provider, clientId, accountId, params) {
  const grant = new provider.Grant({ accountId, clientId });
  const scope = (params.scope ?? '').split(' ').filter(Boolean);
  if (scope.length > 0) grant.addOIDCScope(scope.join(' '));
  return grant.save();
}

// Answers below /interaction/.
export async function interaction(issuer, request, response) {
  const { provider } = issuer;
  const details = await provider.interactionDetails(request, response);
  const here = `/interaction/${details.uid}`;
  const html = (text, status = 200) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' });
    response.end(text);
  };
  const finish = (result) => provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });

  if (request.method === 'GET') {
    return html(details.prompt.name === 'login' ? login(here) : consent(here, details));
  }
  let text = '';
  for await (const chunk of request) text += chunk;
  switch (request.url.slice(here.length)) {
    case '/login': {
      const typed = new URLSearchParams(text).get('login') ?? '';
      const account = issuer.accounts.get(typed);
      if (!account) return html(login(here, `There is no account ${typed}.`), 401);
      return finish({ login: { accountId: account.sub } });
    }
    case '/agree': {
      const { params, session } = details;
      const grantId = await granted(provider, params.client_id, session.accountId, params);
      return finish({ consent: { grantId } });
    }
    case '/cancel':
      return finish({ error: 'access_denied', error_description: 'The visitor pressed Cancel.' });
    default:
      return html(page('Not found', ''), 404);
  }
}
