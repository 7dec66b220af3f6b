// What a page can try with the API of another origin. Each of `reads` resolves to what it has read,
// or is rejected. Each of `changes` sends a request whose effect the test looks for.

function settled(element, attribute, url) {
  return new Promise((resolve, reject) => {
    element.onload = () => resolve('loaded');
    element.onerror = () => reject(new Error('error event'));
    element[attribute] = url;
    document.body.append(element);
  });
}

function until(condition) {
  return new Promise(resolve => {
    const look = () => condition() ? resolve() : setTimeout(look, 20);
    look();
  });
}

// The window of a URL, once it shows it.
async function inWindow(url) {
  const opened = window.open(url);
  await until(() => {
    try {
      const { location, document } = opened;
      return location.href !== 'about:blank' && document.readyState === 'complete';
    } catch {
      // It shows another origin.
      return true;
    }
  });
  return opened;
}

function read(attempt) {
  return attempt.then(response => response.text()).then(text => {
    if (text === '') throw new Error('an opaque response');
    return text;
  });
}

const reads = {
  'fetch': url => read(fetch(url)),
  'fetch with credentials': url => read(fetch(url, { credentials: 'include' })),
  'fetch without cors': url => read(fetch(url, { mode: 'no-cors' })),
  'XMLHttpRequest': url => new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.onload = () => resolve(request.responseText);
    request.onerror = () => reject(new Error('error event'));
    request.open('GET', url);
    request.send();
  }),
  'EventSource': url => new Promise((resolve, reject) => {
    const source = new EventSource(url);
    source.onmessage = ({ data }) => { source.close(); resolve(data); };
    source.onerror = () => { source.close(); reject(new Error('error event')); };
  }),
  'WebSocket': url => new Promise((resolve, reject) => {
    const socket = new WebSocket(url.replace('http:', 'ws:'));
    socket.onmessage = ({ data }) => resolve(data);
    socket.onerror = () => reject(new Error('error event'));
  }),
  'import': async url => JSON.stringify((await import(url)).default),
  'script': url => settled(document.createElement('script'), 'src', url),
  'img': url => settled(document.createElement('img'), 'src', url),
  'link': url => {
    const link = document.createElement('link');
    link.rel = 'stylesheet';
    return settled(link, 'href', url);
  },
  'iframe': async url => {
    const frame = document.createElement('iframe');
    await settled(frame, 'src', url);
    return frame.contentDocument.body.textContent;
  },
  'object': async url => {
    const object = document.createElement('object');
    const fallback = document.createElement('p');
    fallback.textContent = 'fallback';
    object.append(fallback);
    // A blocked one may have no event, but shows its fallback.
    const blocked = until(() => fallback.getClientRects().length > 0);
    await Promise.race([settled(object, 'data', url), blocked]);
    return object.contentDocument.body.textContent;
  },
  'window': async url => {
    const opened = await inWindow(url);
    try {
      return opened.document.body.textContent;
    } finally {
      opened.close();
    }
  },
};

const json = '{"transient": {"limit.active": 1}}';

function form(url, target) {
  const form = document.createElement('form');
  form.method = 'post';
  form.enctype = 'text/plain';
  form.action = url;
  form.target = target;
  const input = document.createElement('input');
  // Sent as `name=value`: a document of JSON.
  input.name = '{"transient": {"limit.active": 1}, "x": "';
  input.value = '"}';
  form.append(input);
  return form;
}

const changes = {
  'fetch': url => fetch(url, { method: 'POST', body: json }),
  'fetch-without-cors': url => fetch(url, { method: 'POST', mode: 'no-cors', body: json, credentials: 'include' }),
  'fetch-keepalive': url => fetch(url, { method: 'POST', mode: 'no-cors', keepalive: true }),
  'xml-http-request': url => {
    const request = new XMLHttpRequest();
    request.open('POST', url);
    request.send(json);
  },
  'beacon': url => navigator.sendBeacon(url, json),
  'ping': url => {
    const link = document.createElement('a');
    link.href = '#pinged';
    link.ping = url;
    document.body.append(link);
    link.click();
  },
  'form-in-frame': url => {
    const frame = document.createElement('iframe');
    frame.name = 'target';
    document.body.append(frame, form(url, 'target'));
    document.forms[document.forms.length - 1].submit();
  },
  'form-in-window': url => {
    document.body.append(form(url, '_blank'));
    document.forms[document.forms.length - 1].submit();
  },
  'form-in-sandbox': url => {
    const frame = document.createElement('iframe');
    frame.sandbox = 'allow-scripts allow-forms';
    frame.srcdoc = form(url, '_self').outerHTML + '<script>document.forms[0].submit()</scr' + 'ipt>';
    document.body.append(frame);
  },
};

// Requests that a browser sends only if the API allows them in answer to an `OPTIONS`.
const preflighted = {
  'put': url => fetch(url, { method: 'PUT', body: json }),
  'delete': url => fetch(url, { method: 'DELETE' }),
  'json': url => fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: json }),
  'header': url => fetch(url, { method: 'POST', headers: { 'x-opaque-id': 'evil' } }),
};
