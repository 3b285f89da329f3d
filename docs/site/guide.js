'use strict';

// Search, contents and tabs. Without scripts, the page shows all of it and the browser searches.

(() => {
  const body = document.body;
  const toc = document.getElementById('toc');
  body.classList.add('scripted');

  const make = (name, attributes, ...children) => {
    const element = document.createElement(name);
    Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
    element.append(...children);
    return element;
  };

  // The browser may forbid storage to pages opened from a file.
  const stored = {
    get: name => {
      try {
        return localStorage.getItem(name);
      } catch {
        return null;
      }
    },
    set: (name, value) => {
      try {
        localStorage.setItem(name, value);
      } catch {
        // The choice lasts until the page is closed.
      }
    },
  };

  // Search: every section is an entry with its own text, without the text of the sections in it.

  const sections = [...document.querySelectorAll('#content :is(h2, h3, h4, h5, h6)[id]')].map(heading => {
    const section = heading.parentElement;
    const inner = section.querySelector(':scope > .sectionbody') ?? section;
    const text = [...inner.children]
      .filter(child => child !== heading && !/^sect\d$/.test(child.className))
      .map(child => child.textContent)
      .join(' ')
      .replace(/\s+/g, ' ');
    const level = Number(heading.tagName[1]);
    return { id: heading.id, title: heading.textContent.trim(), level, section, text, lower: text.toLowerCase() };
  });
  const byElement = new Map(sections.map(entry => [entry.section, entry]));
  sections.forEach(entry => {
    const outer = entry.section.parentElement.closest('.sect2, .sect3, .sect4');
    entry.chapter = byElement.get(outer)?.title ?? '';
  });

  const find = query => {
    const words = query.toLowerCase().split(/\s+/).filter(word => word);
    if (!words.length) {
      return [];
    }
    return sections
      .map(entry => {
        const title = entry.title.toLowerCase();
        let score = 0;
        for (const word of words) {
          const inTitle = title.includes(word);
          const count = entry.lower.split(word).length - 1;
          if (!inTitle && !count) {
            return null;
          }
          score += (inTitle ? 20 : 0) + (title === word ? 20 : 0) + Math.min(count, 5);
        }
        return { entry, score: score - entry.level };
      })
      .filter(found => found)
      .sort((a, b) => b.score - a.score)
      .slice(0, 12)
      .map(found => ({ ...found.entry, words }));
  };

  const marked = (text, words) => {
    const pattern = new RegExp(`(${words.map(word => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|')})`, 'i');
    return text.split(pattern).map((part, i) => (i % 2 ? make('mark', {}, part) : part));
  };

  const excerpt = (entry, words) => {
    const at = Math.max(0, ...words.map(word => entry.lower.indexOf(word)));
    const from = at < 50 ? 0 : entry.text.indexOf(' ', at - 50) + 1;
    const end = entry.text.indexOf(' ', from + 150);
    return (from ? '… ' : '') + entry.text.slice(from, end < 0 ? undefined : end) + (end < 0 ? '' : ' …');
  };

  const search = make('input', {
    id: 'search',
    type: 'search',
    placeholder: 'Search the guide',
    'aria-label': 'Search the guide',
    role: 'combobox',
    'aria-controls': 'results',
    'aria-expanded': 'false',
    autocomplete: 'off',
  });
  const results = make('ul', { id: 'results', role: 'listbox', 'aria-label': 'Sections', hidden: '' });
  const contents = make('button', { id: 'contents', type: 'button', 'aria-expanded': 'false', 'aria-controls': 'toc' });
  contents.append('Contents');
  body.prepend(make('div', { id: 'bar' }, contents, search, results));

  let selected = -1;
  const options = () => [...results.querySelectorAll('[role=option]')];

  const select = index => {
    const all = options();
    selected = all.length ? (index + all.length) % all.length : -1;
    all.forEach((option, i) => option.setAttribute('aria-selected', i === selected));
    search.setAttribute('aria-activedescendant', selected < 0 ? '' : all[selected].id);
    all[selected]?.scrollIntoView({ block: 'nearest' });
  };

  const close = () => {
    results.hidden = true;
    search.setAttribute('aria-expanded', 'false');
  };

  const show = () => {
    const found = find(search.value);
    results.replaceChildren(
      ...found.map((entry, i) => {
        const link = make('a', { href: `#${entry.id}`, tabindex: '-1' });
        link.append(make('b', {}, ...marked(entry.title, entry.words)));
        if (entry.chapter) {
          link.append(` in ${entry.chapter}`);
        }
        link.append(make('small', {}, ...marked(excerpt(entry, entry.words), entry.words)));
        return make('li', { role: 'option', id: `result-${i}`, 'aria-selected': 'false' }, link);
      }),
    );
    if (search.value.trim() && !found.length) {
      results.append(make('li', { class: 'none', role: 'presentation' }, 'No section has all of these words.'));
    }
    results.hidden = !search.value.trim();
    search.setAttribute('aria-expanded', String(!results.hidden));
    select(0);
  };

  search.addEventListener('input', show);
  search.addEventListener('focus', show);
  search.addEventListener('keydown', event => {
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      select(selected + (event.key === 'ArrowDown' ? 1 : -1));
    } else if (event.key === 'Enter') {
      options()[selected]?.querySelector('a').click();
    } else if (event.key === 'Escape') {
      search.value = '';
      close();
    }
  });
  results.addEventListener('click', event => {
    if (event.target.closest('a')) {
      close();
      search.blur();
    }
  });
  document.addEventListener('click', event => {
    if (!event.target.closest('#bar')) {
      close();
    }
  });
  document.addEventListener('keydown', event => {
    if (event.key === '/' && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
      event.preventDefault();
      search.focus();
    }
  });

  // Contents: the sections of the current chapter are shown, and on a narrow screen a button opens the list.

  const links = new Map([...toc.querySelectorAll('a')].map(link => [link.hash.slice(1), link]));

  const showContents = shown => {
    body.classList.toggle('contents', shown);
    contents.setAttribute('aria-expanded', String(shown));
  };
  contents.addEventListener('click', () => {
    close();
    showContents(!body.classList.contains('contents'));
    toc.querySelector('[aria-current]')?.scrollIntoView({ block: 'center' });
  });
  toc.addEventListener('click', event => {
    if (event.target.closest('a')) {
      showContents(false);
    }
  });
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape') {
      showContents(false);
    }
  });

  const tops = sections.filter(entry => links.has(entry.id)).map(entry => document.getElementById(entry.id));
  let current = null;

  const follow = () => {
    let low = 0;
    for (let high = tops.length; low < high; ) {
      const middle = (low + high) >> 1;
      if (tops[middle].getBoundingClientRect().top <= 100) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    const link = links.get(tops[Math.max(0, low - 1)].id);
    if (link === current) {
      return;
    }
    current?.removeAttribute('aria-current');
    toc.querySelectorAll('.open').forEach(item => item.classList.remove('open'));
    current = link;
    current.setAttribute('aria-current', 'true');
    const chapter = current.closest('.sectlevel3')?.parentElement ?? current.parentElement;
    chapter.classList.add('open');
    if (getComputedStyle(toc).position === 'fixed') {
      const place = current.getBoundingClientRect();
      const frame = toc.getBoundingClientRect();
      if (place.top < frame.top || place.bottom > frame.bottom) {
        toc.scrollTop += place.top - frame.top - frame.height / 3;
      }
    }
  };
  let waiting = false;
  addEventListener(
    'scroll',
    () => {
      if (!waiting) {
        waiting = true;
        requestAnimationFrame(() => {
          waiting = false;
          follow();
        });
      }
    },
    { passive: true },
  );
  follow();

  // Tabs: a block with the role "tabs" shows one of its listings. The choice of a title holds for the whole page.

  const groups = [...document.querySelectorAll('.openblock.tabs')].map((block, number) => {
    const panels = [...block.querySelectorAll(':scope > .content > .listingblock')];
    const buttons = panels.map((panel, i) => {
      panel.id ||= `panel-${number}-${i}`;
      panel.setAttribute('role', 'tabpanel');
      return make(
        'button',
        { type: 'button', role: 'tab', 'aria-controls': panel.id },
        panel.querySelector('.title').textContent,
      );
    });
    const list = make('div', { class: 'tablist', role: 'tablist' }, ...buttons);
    block.prepend(list);
    const choose = index => {
      buttons.forEach((button, i) => {
        button.setAttribute('aria-selected', i === index);
        button.tabIndex = i === index ? 0 : -1;
        panels[i].hidden = i !== index;
      });
    };
    const titles = buttons.map(button => button.textContent);
    list.addEventListener('click', event => {
      const index = buttons.indexOf(event.target);
      if (index >= 0) {
        chooseAll(titles[index], block);
      }
    });
    list.addEventListener('keydown', event => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) {
        const index = (buttons.indexOf(document.activeElement) + step + buttons.length) % buttons.length;
        chooseAll(titles[index], block);
        buttons[index].focus();
      }
    });
    choose(0);
    return { block, titles, choose };
  });

  // Other blocks above must not move the one that was clicked.
  const chooseAll = (title, origin) => {
    const before = origin?.getBoundingClientRect().top ?? 0;
    groups.forEach(group => {
      const index = group.titles.indexOf(title);
      if (index >= 0) {
        group.choose(index);
      }
    });
    if (origin) {
      scrollBy({ top: origin.getBoundingClientRect().top - before, behavior: 'instant' });
      const kinds = JSON.parse(stored.get('tabs') ?? '[]').filter(kind => kind !== title);
      stored.set('tabs', JSON.stringify([...kinds, title].slice(-6)));
    }
  };
  JSON.parse(stored.get('tabs') ?? '[]').forEach(title => chooseAll(title, null));

  // Tabs may have moved the section that the address names.
  if (location.hash) {
    document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
  }
})();
