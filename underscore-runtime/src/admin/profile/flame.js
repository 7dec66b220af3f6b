// Contains none of the characters that XML reserves.
const all = [...document.querySelectorAll('.frame')].map(frame => ({
  frame,
  left: parseFloat(frame.getAttribute('x')),
  width: parseFloat(frame.getAttribute('width')),
}));
const clamp = percent => Math.min(100, Math.max(0, percent));
function zoom(to) {
  for (const { frame, left, width } of all) {
    const begin = clamp((left - to.left) / to.width * 100);
    const end = clamp((left + width - to.left) / to.width * 100);
    frame.style.display = end - begin > 0.01 ? '' : 'none';
    frame.setAttribute('x', begin + '%');
    frame.setAttribute('width', end - begin + '%');
  }
}
for (const one of all) {
  one.frame.addEventListener('click', () => zoom(one));
}
