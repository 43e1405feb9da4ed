(() => {
  const root = document.getElementById("embedded");
  const data = JSON.parse(document.getElementById("embedded-data").textContent);
  const find = (selector) => root.querySelector(selector);
  const said = find(".said"), select = find("select"), stills = find(".stills"), fold = find(".fold");
  const buttons = Array.from(root.querySelectorAll(".places button"));
  const elsewhere = "No data of this stretch are in the page. Press a place above, or open the whole tracks: " + data.command;
  let browser = null, starting = null, loading = Promise.resolve(), variant = "";

  function say(text, warn) {
    said.textContent = text;
    said.classList.toggle("warn", Boolean(warn));
  }

  // The codes of a track are those of all regions in a row, its own or the page's; 65535 is a bin without a value.
  function makeFeatures(track) {
    const bytes = Uint8Array.from(atob(track.codes), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer), features = [];
    let at = 0;
    (track.regions || data.regions).forEach(([chr, first, last, step], place) => {
      const [low, high] = track.ranges[place];
      for (let start = first; start < last; start += step, at += 2) {
        const code = view.getUint16(at, true);
        if (code === 65535) { continue; }
        const value = Number((low + code * (high - low) / 65534).toPrecision(5));
        features.push({ chr, start, end: Math.min(start + step, last), value });
      }
    });
    return features;
  }

  function makeTrack(track, order) {
    const { codes, ranges, regions, ...options } = track;
    return { ...options, order: order, features: makeFeatures(track) };
  }

  function findChosen() {
    if (variant) { return data.targets.filter((target) => target.name === variant); }
    if (select.value === "first") { return data.targets.slice(0, data.shown); }
    return select.value === "all" ? data.targets : [data.targets[Number(select.value)]];
  }

  // All at once: igv.js fails where tracks of a shared scale go one by one while it draws.
  async function load() {
    setBusy(true);
    // Of a variant both alleles stand below what is predicted of the genome.
    const alleles = (data.alleles || {})[variant] || [];
    const tracks = findChosen().flatMap((target) => [...target.tracks, ...alleles]);
    await browser.updateViews();
    browser.removeAllTracks();
    await browser.loadTrackList([...data.always, ...tracks.map((track, place) => makeTrack(track, place + 1))]);
    browser.trackViews.forEach((view) => plainAxis(view.track));
    await browser.updateViews();
    setBusy(false);
  }

  function setBusy(on) { find(".window").setAttribute("aria-busy", String(on)); }

  function choose() {
    loading = loading.then(load).catch(giveUp);
    return loading;
  }

  function show(frames) {
    const view = frames[0], inside = data.regions.some(([chr, start, end]) => chr === view.chr && view.start < end && start < view.end);
    buttons.forEach((button) => {
      const [chr, start, end] = readPlace(button.dataset.place), near = (end - start) / 50;
      const is = chr === view.chr && Math.abs(view.start - start) < near && Math.abs(view.end - end) < near;
      button.setAttribute("aria-pressed", String(is));
    });
    say(inside ? "" : elsewhere, !inside);
  }

  function readPlace(text) {
    const [, chr, start, end] = /^(.*):(\d+)-(\d+)$/.exec(text.replaceAll(",", ""));
    return [chr, start - 1, Number(end)];
  }

  function giveUp(error) {
    say("The browser could not start (" + (error.message || error) + "). The pictures below show the same places.", true);
    find(".window").hidden = true;
    setBusy(false);
    setFolded(false);
  }

  async function open() {
    setBusy(true);
    say("Starting the browser …");
    const script = document.createElement("script");
    script.textContent = document.getElementById("embedded-igv").textContent;
    document.head.append(script);
    browser = await makeBrowser(find(".window"), data.options);
    root.browser = browser;  // For who wants more of it, in the console.
    await choose();
    find(".window").style.minHeight = "";
    browser.on("locuschange", show);
    show(browser.referenceFrameList);
  }

  function start() {
    starting = starting || open().catch(giveUp);
    return starting;
  }

  function setFolded(on) {
    stills.classList.toggle("folded", on);
    fold.setAttribute("aria-expanded", String(!on));
    fold.textContent = on ? "Show the pictures that are printed" : "Hide the pictures that are printed";
  }

  function addOption(value, text) {
    const option = document.createElement("option");
    option.value = value;
    option.textContent = text;
    select.append(option);
  }

  const count = data.targets.length;
  if (count > data.shown) { addOption("first", "the best " + data.shown); }
  if (count > 1) { addOption("all", "all " + count); }
  data.targets.forEach((target, place) => addOption(place, target.name));
  select.addEventListener("change", () => { variant = ""; start().then(choose); });
  buttons.forEach((button) => button.addEventListener("click", async () => {
    const other = (button.dataset.target || "") !== variant;
    variant = button.dataset.target || "";
    await start();
    if (browser && other) { await choose(); }
    if (browser) { browser.search(button.dataset.place); }
  }));
  // Room for what comes, so that nothing jumps.
  find(".window").style.minHeight = findChosen().flatMap((target) => target.tracks).reduce((sum, track) => sum + track.height + 4, 190) + "px";
  fold.addEventListener("click", () => setFolded(!stills.classList.contains("folded")));
  setFolded(true);
  find(".interactive").hidden = false;
  find(".without").remove();
  new IntersectionObserver((seen, observer) => {
    if (seen.some((entry) => entry.isIntersecting)) { observer.disconnect(); start(); }
  }, { rootMargin: "100px" }).observe(find(".window"));
})();
