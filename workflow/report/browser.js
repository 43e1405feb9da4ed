(function () {
  "use strict";
  var data = JSON.parse(document.getElementById("data").textContent);
  var LISTED = 100;
  var browser, fixed = false, waiting = Promise.resolve();

  function find(id) { return document.getElementById(id); }
  function say(text) { find("message").textContent = text; find("message").hidden = false; }

  if (location.protocol === "file:") { find("from-disk").hidden = false; return; }

  // Order on the page is rank: what is switched on later comes to its place, not to the end.
  data.targets.forEach(function (target, rank) {
    target.tracks.forEach(function (track, place) {
      if (track) { track.order = 1 + rank * data.series.length + place; }
    });
  });

  function wanted() {
    var tracks = [];
    data.targets.forEach(function (target) {
      target.tracks.forEach(function (track, place) {
        if (track && target.on && data.series[place].on) { tracks.push(track); }
      });
    });
    return tracks;
  }

  function configured(track) {
    return fixed && track.scale
      ? Object.assign({}, track, { autoscaleGroup: undefined, min: track.scale[0], max: track.scale[1] })
      : track;
  }

  function ours() { return browser.findTracks(function (track) { return track.config && track.config.kind; }); }

  // igv.js empties a track that it removes at once, and fails where it is still drawing it.
  function remove(track) {
    var view = track.trackView, dispose = view.dispose.bind(view);
    view.dispose = function () { view.removeDOMFromColumnContainer(); setTimeout(dispose, 10000); };
    browser.removeTrack(track);
  }

  async function update() {
    var on = new Map(wanted().map(function (track) { return [track.id, track]; })), there = new Set();
    ours().forEach(function (track) {
      if (on.has(track.id)) { there.add(track.id); } else { remove(track); }
    });
    var missing = Array.from(on.values()).filter(function (track) { return !there.has(track.id); });
    if (missing.length) { await browser.loadTrackList(missing.map(configured)); }
    ours().forEach(plainAxis);
    note();
  }

  // One change after the other, however fast they come.
  function change() { waiting = waiting.then(update).catch(function (error) { say(error.message || error); }); }

  function rescale() {
    waiting = waiting.then(function () {
      ours().forEach(function (track) {
        var config = data.byId.get(track.id);
        if (!config.autoscaleGroup) { return; }
        track.autoscaleGroup = fixed && config.scale ? undefined : config.autoscaleGroup;
        track.autoscale = !(fixed && config.scale);
        if (fixed && config.scale) { track.dataRange = { min: config.scale[0], max: config.scale[1] }; }
      });
      return browser.updateViews();
    });
  }

  function note() {
    var on = data.targets.filter(function (target) { return target.on; }).length;
    find("count").textContent = "(" + on.toLocaleString("en") + " of " + data.targets.length.toLocaleString("en") + " on)";
    find("empty").hidden = wanted().length > 0;
  }

  function box(checked, text, act) {
    var label = document.createElement("label"), input = document.createElement("input");
    input.type = "checkbox";
    input.checked = checked;
    input.addEventListener("change", function () { act(input.checked); change(); });
    label.append(input, text);
    return label;
  }

  function list() {
    var words = find("find").value.toLowerCase().split(/\s+/);
    var found = data.targets.filter(function (target) {
      return words.every(function (word) { return target.name.toLowerCase().includes(word); });
    });
    var first = found.filter(function (target) { return target.on; });
    first = first.concat(found.filter(function (target) { return !target.on; })).slice(0, LISTED);
    find("list").replaceChildren.apply(find("list"), first.map(function (target) {
      var item = document.createElement("li"), label = box(target.on, " " + target.name, function (on) { target.on = on; });
      if (target.score !== null) {
        var score = document.createElement("span");
        score.textContent = "r " + target.score.toFixed(2);
        label.append(" ", score);
      }
      item.append(label);
      return item;
    }));
    var more = found.length - first.length;
    find("more").textContent = !found.length ? "No target has that in its name."
      : more ? "and " + more.toLocaleString("en") + " more: type a part of the name." : "";
  }

  // At a variant only its target is on, with what is predicted of both alleles; elsewhere all that was.
  var before = null;
  function isAllele(series) { return series.kind === "REF" || series.kind === "ALT"; }
  function focus(name) {
    if (!name && !before) { return; }
    if (!before) { before = data.targets.map(function (target) { return target.on; }); }
    data.series.forEach(function (series) { if (isAllele(series)) { setSeries(series, Boolean(name)); } });
    var start = before;
    choose(function (target) { return name ? target.name === name : start[data.targets.indexOf(target)]; });
    if (!name) { before = null; }
  }

  function setSeries(series, on) {
    series.on = on;
    series.input.checked = on;
  }

  function choose(on) {
    data.targets.forEach(function (target) { target.on = on(target); });
    list();
    change();
  }

  function controls() {
    var start = data.targets.map(function (target) { return target.on; });
    data.byId = new Map();
    data.targets.forEach(function (target) {
      target.tracks.forEach(function (track) { if (track) { data.byId.set(track.id, track); } });
    });
    data.series.forEach(function (series, place) {
      var alike = data.series.filter(function (other) { return other.kind === series.kind; });
      var before = place && data.series[place - 1].kind === series.kind;
      var group = before ? find("series").lastChild : document.createElement("span");
      if (!before) {
        group.className = "group";
        find("series").append(group);
        if (alike.length > 1) { group.append(series.kind + (series.kind === "predicted" ? " by" : " of")); }
      }
      var label = box(series.on, " " + (alike.length > 1 ? series.model : series.label), function (on) { series.on = on; });
      series.input = label.querySelector("input");
      group.append(label);
    });
    document.querySelectorAll("input[name=scale]").forEach(function (input) {
      input.addEventListener("change", function () { fixed = input.value === "fixed"; rescale(); });
    });
    find("find").addEventListener("input", list);
    find("reset").addEventListener("click", function () { choose(function (target) { return start[data.targets.indexOf(target)]; }); });
    find("none").addEventListener("click", function () { choose(function () { return false; }); });
    document.addEventListener("click", function (event) {
      if (!find("targets").contains(event.target) && document.contains(event.target)) { find("targets").open = false; }
    });
    document.addEventListener("keydown", function (event) { if (event.key === "Escape") { find("targets").open = false; } });
    list();
    note();
  }

  function places() {
    var buttons = Array.from(document.querySelectorAll("[data-locus]"));
    function plain(text) { return String(text).replace(/,/g, ""); }
    buttons.forEach(function (button) {
      button.addEventListener("click", function () {
        focus(button.dataset.target || "");
        browser.search(address(button.dataset.locus));
      });
    });
    // A name with a colon in it (HLA contigs) is only understood with tabs.
    function address(place) {
      var parts = /^(.*):([\d,]+)-([\d,]+)$/.exec(place);
      return parts && parts[1].includes(":") ? parts.slice(1).map(plain).join("\t") : place;
    }
    function mark() {
      var frame = browser.referenceFrameList[0];
      var here = frame.chr + ":" + (Math.round(frame.start) + 1) + "-" + Math.round(frame.end);
      buttons.forEach(function (button) {
        if (plain(button.dataset.locus) === here) { button.setAttribute("aria-current", "true"); }
        else { button.removeAttribute("aria-current"); }
      });
    }
    browser.on("locuschange", function (frames) { mark(); sequence(frames); });
    mark();
  }

  // The bases take room only where they can be read.
  var BASES = { type: "sequence", id: "bases", order: -1, removable: false };
  function sequence(frames) {
    waiting = waiting.then(function () {
      var there = browser.findTracks("type", "sequence"), near = [].concat(frames)[0].bpPerPixel <= 10;
      if (near && !there.length) { return browser.loadTrackList([BASES]); }
      if (!near) { there.forEach(remove); }
    });
  }

  function load(address) {
    return new Promise(function (resolve, reject) {
      var script = document.createElement("script");
      script.src = address;
      script.onload = resolve;
      script.onerror = function () { reject(new Error(address + " is not beside this page; run `snakemake browse` again.")); };
      document.head.append(script);
    });
  }

  async function start() {
    var answer = await fetch("genome.fa.fai", { headers: { Range: "bytes=0-0" } });
    if (!answer.ok) { throw new Error("genome.fa.fai is not beside this page; run `snakemake export` again."); }
    if (answer.status !== 206) {
      throw new Error("The server of this page cannot send parts of files, which a genome browser lives by (HTTP range requests); use `make browse`.");
    }
    await load("igv.min.js");
    find("app").hidden = false;
    controls();
    data.options.tracks = data.options.tracks.concat(wanted());
    browser = await makeBrowser(find("browser"), data.options);
    // It lays out names of samples anew at each removal; there are none.
    browser.off("trackremoved");
    find("browser").igv = browser;  // for whoever wants to script it
    ours().forEach(plainAxis);
    places();
    sequence(browser.referenceFrameList);
    await waiting;
    document.body.dataset.ready = "true";
  }
  start().catch(function (error) { say(error.message || String(error)); find("app").hidden = true; });
})();
