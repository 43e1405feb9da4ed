// Tracks of contributions: each base a letter, as high as it adds to a prediction and upside down where
// it takes away. igv.js has such tracks only from 3.5 on (`dynseq`). Here it makes one of its own tracks of
// values, which scales, labels and zooms itself, and which draws letters where they can be read.
// `register` is igv.js's registerTrackCreatorFunction; `outlines` are those of each base, polygons in
// the unit square, y upwards.
function addLetters(register, outlines) {
  "use strict";
  const NEAR = 2;  // bases a pixel
  // No letter fills its track by less than one percent of coverage: noise is to look like noise.
  const LEAST = 0.01;

  // A page that is one file knows the bases of some places only, so each has a look-up of its own.
  function findStretches(features) {
    const stretches = [];
    let last = null;
    for (const feature of features) {
      if (last && feature.start === last.end) { stretches[stretches.length - 1].push(feature); }
      else { stretches.push([feature]); }
      last = feature;
    }
    return stretches;
  }

  async function findLetters(genome, features) {
    const letters = [];
    for (const stretch of findStretches(features)) {
      const { chr, start } = stretch[0];
      const bases = await genome.getSequence(chr, start, stretch[stretch.length - 1].end) || "";
      for (const { start: first, end, value } of stretch) {
        for (let at = first; at < end; at++) {
          letters.push({ chr, start: at, end: at + 1, value, base: bases.charAt(at - start).toUpperCase() });
        }
      }
    }
    return letters;
  }

  // Where a base is not known, as in a page that does not hold it, a box stands for it.
  const BOX = [[[0, 0], [1, 0], [1, 1], [0, 1]]];

  function drawLetters(letters, { context, bpStart, bpPerPixel, pixelWidth, pixelHeight }, range, colours) {
    const width = 1 / bpPerPixel, toY = (value) => (range.max - value) * (pixelHeight - 1) / (range.max - range.min);
    context.save();
    context.fillStyle = "#b9bdc2";
    context.fillRect(0, toY(0) - 0.5, pixelWidth, 1);
    for (const { start, value, base } of letters) {
      const left = (start - bpStart) / bpPerPixel;
      if (left + width < 0 || left > pixelWidth) { continue; }
      context.fillStyle = colours[base] || "#767676";
      context.beginPath();
      for (const outline of outlines[base] || BOX) {
        // Heights below zero turn a letter over.
        outline.forEach(([across, up], place) => {
          context[place ? "lineTo" : "moveTo"](left + across * width * 0.96, toY(value * up));
        });
        context.closePath();
      }
      context.fill();
    }
    context.restore();
  }

  function sayNothing({ context, pixelWidth, pixelHeight }) {
    context.save();
    context.fillStyle = "#62656a";
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    context.fillText("nothing explained here on this page", pixelWidth / 2, pixelHeight / 2 + 4);
    context.restore();
  }

  register("letters", async function (config, browser) {
    const track = await browser.createTrack({ ...config, type: "wig" });
    const read = track.getFeatures, drawBars = track.draw;
    track.getFeatures = async function (chr, start, end, bpPerPixel) {
      if (bpPerPixel >= NEAR) { return read.call(track, chr, start, end, bpPerPixel); }
      // At a base a pixel it takes no means.
      return findLetters(browser.genome, await read.call(track, chr, start, end, 1));
    };
    track.draw = function (options) {
      const { features } = options, range = track.dataRange;
      if (!features || !features.length) { sayNothing(options); }
      else if (features[0].base === undefined) { drawBars.call(track, options); }
      else if (range.max > range.min) { drawLetters(features, options, range, browser.nucleotideColors); }
    };
    // Its own takes 100 where nothing was explained.
    track.doAutoscale = function (features) {
      const areLetters = features.length && features[0].base !== undefined;
      return features.reduce(
        ({ min, max }, { value }) => ({ min: Math.min(min, value), max: Math.max(max, value) }),
        { min: 0, max: areLetters ? LEAST : 0 });
    };
    // Lines, points, logarithms and the like are no letters.
    track.logScale = undefined;
    track.menuItemList = track.numericDataMenuItems;
    return track;
  });
}
