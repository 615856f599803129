// On a narrow screen the tabs scroll: the one that is shown is brought into sight.
const current = document.querySelector('.runtabs [aria-current]');
const tabs = current?.parentElement;
if (tabs && tabs.scrollWidth > tabs.clientWidth) tabs.scrollLeft = current.offsetLeft - tabs.offsetLeft - 16;
