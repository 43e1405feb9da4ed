// The browsers of our pages are made here, out of igv.js. It takes for HTML what it shows of a press on
// a track, the label over each of several places side by side, and its alerts: here they are text, or
// there is no browser.
async function makeBrowser(parent, options) {
  "use strict";
  function escape(text) {
    var holder = document.createElement("p");
    holder.textContent = text;
    return holder.innerHTML.replace(/"/g, "&quot;");
  }
  function find(owner, name) {
    if (!owner || typeof owner[name] !== "function") {
      throw new Error("igv.js has no " + name + ": it is damaged, or not the version that this page was made for; install igv-notebook as requirements.txt has it, and make this page again");
    }
    return owner[name];
  }
  // Nothing can be pressed, nor looked for, before names are text.
  parent.inert = true;
  addLetters(find(window.igv, "registerTrackCreatorFunction"), options.letters);
  var browser = await find(window.igv, "createBrowser")(parent, options);
  find(browser, "on").call(browser, "trackclick", function (track, lines) {
    return lines && lines.length ? lines.map(function (line) {
      if (!line.name) {
        var text = String(line.html || line);
        return text.startsWith("<hr") ? "<hr>" : '<div title="' + escape(text) + '">' + escape(text) + "</div>";
      }
      // igv.js itself writes some names with blanks of HTML behind them.
      var name = escape(String(line.name).replace(/(&nbsp;)+$/, "")), value = escape(line.value);
      return '<div title="' + value + '"><span>' + name + "</span>&nbsp&nbsp&nbsp" + value + "</div>";
    }).join("") : undefined;
  });
  var frame = browser.referenceFrameList && Object.getPrototypeOf(browser.referenceFrameList[0]);
  ["getMultiLocusLabel", "getMultiLocusLabelBPLengthOnly"].forEach(function (name) {
    var label = find(frame, name);
    frame[name] = function (width) {
      var here = Object.create(this, { chr: { value: escape(this.chr) } });
      return label.call(here, width);
    };
  });
  var present = find(browser.alert, "present");
  browser.alert.present = function (what, act) {
    var text = String(what.message || what).replace(/^(Unrecognized locus:) <b> (.*) <\/b>$/, "$1 $2");
    present.call(browser.alert, what.message ? new Error(escape(text)) : escape(text), act);
  };
  // Its labels hide data and its button groups tracks, which share scales here by their target.
  var style = document.createElement("style");
  style.textContent = ".igv-viewport .igv-track-label { top: 1px; left: 3px; border: 0; border-radius: 2px; padding: 0 3px; font: 11px/14px system-ui, sans-serif; color: #1d1d1f; background: rgb(255 255 255 / .72); max-width: 90%; }"
    + " [title='Select Tracks'] { display: none !important; }"
    + " .igv-container .igv-navbar { border-width: 0 0 1px; margin: 0; }"
    + " .igv-windowsize-panel-container { white-space: nowrap; }"
    + " @media (max-width: 30rem) { .igv-search-container { width: 11rem !important; } }";
  parent.shadowRoot.append(style);
  parent.inert = false;
  return browser;
}

// igv.js marks the tracks of one scale by a colour drawn by lot, which means nothing.
function plainAxis(track) {
  if (track.isPlain || !track._paintAxis) { return; }
  var paint = track._paintAxis;
  track.isPlain = true;
  track._paintAxis = function (context, width, height) { paint.call(track, context, width, height, undefined); };
  track.trackView.paintAxis();
}
