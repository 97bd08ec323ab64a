// Shows what is new, every few seconds. Without this the page is loaded again by hand.
'use strict';
(() => {
	const every = 2000;
	const shown = () => document.getElementById('otr');
	// Whoever is about to type something, to press a button or to copy a fingerprint keeps the page that they see.
	const busy = () => {
		const chosen = getSelection();
		if (chosen && !chosen.isCollapsed && shown().contains(chosen.anchorNode)) return true;
		const fields = [...shown().querySelectorAll('input:not([type=hidden]), select')];
		return fields.some((field) => field === document.activeElement ||
			(field.type === 'checkbox' ? field.checked !== field.defaultChecked :
				'defaultValue' in field && field.value !== field.defaultValue));
	};
	// The page that a button leads to has its own news to tell: this one asks for no more.
	const leaving = new AbortController();
	addEventListener('submit', () => leaving.abort());
	const look = async () => {
		try {
			if (document.hidden || leaving.signal.aborted || busy()) return;
			const answer = await fetch(location.pathname + location.search, { credentials: 'same-origin', redirect: 'error', signal: leaving.signal });
			if (!answer.ok) return;
			const text = await answer.text();
			const next = new DOMParser().parseFromString(text, 'text/html').getElementById('otr');
			if (!next || busy()) return;
			// Closed by hand or opened: it stays so.
			for (const each of shown().querySelectorAll('details[id]')) {
				const same = next.querySelector('#' + CSS.escape(each.id));
				if (same) same.open = same.open || each.open;
			}
			if (next.innerHTML !== shown().innerHTML) shown().replaceWith(document.importNode(next, true));
		} catch {
			// ZNC does not answer: the next time is soon.
		} finally {
			if (!leaving.signal.aborted) setTimeout(look, every);
		}
	};
	setTimeout(look, every / 2);
})();
