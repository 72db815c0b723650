#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""browser.py OPEN-URL CLOSED-URL TOKEN-OF-ALL TOKEN-OF-WEB [FOLDER]

The page of rstat serve, used as people do: with eyes, keys, thumbs. TAP.
"""
import json
import os
import sys
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

OPEN, CLOSED, ALL, WEB, SHOTS = (sys.argv + [''])[1:6]
PATIENCE = 40
number = failures = 0


def start():
    options = Options()
    options.binary_location = '/usr/bin/chromium'
    for argument in ('--headless=new', '--no-sandbox', '--disable-gpu',
                     '--disable-dev-shm-usage', '--hide-scrollbars'):
        options.add_argument(argument)
    options.set_capability('goog:loggingPrefs', {'browser': 'ALL'})
    return webdriver.Chrome(service=Service('/usr/bin/chromedriver'),
                            options=options)


browser = start()


def ok(name, passed):
    global number, failures
    number += 1
    failures += not passed
    print('ok' if passed else 'not ok', number, '-', name, flush=True)
    if not passed:
        print('#', browser.current_url)
        print('#', json.dumps(browser.execute_script(
            'return document.body.innerText'))[:1500])


def until(condition):
    """What the condition gives, as soon as it is true; else False."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            value = condition()
        except Exception:   # a node was replaced while we looked at it
            value = None
        if value:
            return value
        time.sleep(0.05)
    return False


def all_of(selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def one(selector):
    found = all_of(selector)
    return found[0] if found and found[0].is_displayed() else None


def names():
    return [n.text for n in all_of('#cards .name')]


def text():
    return browser.execute_script('return document.body.innerText')


def press(*keys):
    webdriver.ActionChains(browser).send_keys(*keys).perform()


def look(width, height, dark):
    browser.execute_cdp_cmd('Emulation.setDeviceMetricsOverride', {
        'width': width, 'height': height, 'deviceScaleFactor': 1,
        'mobile': width < 500})
    browser.execute_cdp_cmd('Emulation.setEmulatedMedia', {'features': [
        {'name': 'prefers-color-scheme', 'value': 'dark' if dark else 'light'}]})


def picture(name):
    if SHOTS:
        browser.save_screenshot(os.path.join(SHOTS, name + '.png'))


def go(url):
    browser.get('about:blank')
    browser.get(url)


def drawn():
    """Graphs that are really there: they have a size of their own."""
    return browser.execute_script(
        "return [...document.querySelectorAll('.graph img')]"
        ".filter((i) => i.naturalWidth > 100).length")


def fits():
    return browser.execute_script(
        'return document.documentElement.scrollWidth <= innerWidth')


def test_list():
    look(1280, 900, False)
    go(OPEN + '/')
    ok('containers, worst first',
       until(lambda: names() == ['db', 'web', '@sum<b>"\\']))
    ok('how it stands', until(lambda: '1 full' in one('#summary').text))
    bars = all_of('#cards .card')[0].find_elements(By.CSS_SELECTOR, '.bar')
    ok('bars with their bounds',
       bars and bars[0].get_attribute('aria-valuetext') == '100 of 100' and
       len(bars[0].find_elements(By.CSS_SELECTOR, '.barrier, .limit')) == 2)
    ok('a name is no HTML', not all_of('#cards b'))
    ok('nor is a program', 'my"sql' in text() and not all_of('#events i'))
    ok('refusals', len(all_of('#events li')) == 2)
    picture('list')


def test_keys():
    press('/')
    press('we')
    ok('/ filters', until(lambda: names() == ['web']))
    press(Keys.ESCAPE)
    ok('Esc leaves the filter', until(lambda: len(names()) == 3))
    press('j')
    press(Keys.ARROW_DOWN)
    focused = browser.switch_to.active_element.get_attribute('href') or ''
    ok('j and arrows go through them', focused.endswith('#/web'))
    press(Keys.ENTER)
    ok('Enter opens one',
       until(lambda: one('#detail-title') and one('#detail-title').text == 'web'))
    press(Keys.ESCAPE)
    ok('Esc goes back', until(lambda: one('#cards') and names()))
    press('?')
    ok('? shows the keys', until(lambda: one('#help')))
    press(Keys.ESCAPE)
    ok('and Esc hides them', until(lambda: not one('#help')))


def test_detail():
    go(OPEN + '/#/web')
    ok('graphs appear', until(lambda: drawn() >= 2))
    ok('of a resource nobody has heard of',
       until(lambda: one('[data-resource="gadgettime"] .figures') and
             '1.50 s' in one('[data-resource="gadgettime"]').text or
             '1.5 s' in one('[data-resource="gadgettime"]').text))
    ok('with a forecast',
       until(lambda: 'Forecast: ' in one('[data-resource="numproc"]').text))
    picture('detail')
    before = browser.execute_script(
        "return document.querySelector('[data-resource=numproc]').dataset.wanted")
    all_of('#range-buttons button')[1].click()
    ok('a range is picked', until(lambda: drawn() >= 2 and 'from=-21600s' in (
        browser.execute_script("return document.querySelector("
                               "'[data-resource=numproc]').dataset.wanted"))))
    ok('it was another one', 'from=-86400s' in before)
    press('1')
    ok('by a key, too', until(lambda: all_of('#range-buttons button')[0]
                              .get_attribute('aria-pressed') == 'true'))
    one('.custom summary').click()
    browser.execute_script(
        "document.getElementById('from').value = arguments[0];"
        "document.getElementById('to').value = arguments[1];",
        *(time.strftime('%Y-%m-%dT%H:%M', time.localtime(time.time() - ago))
          for ago in (7200, 3600)))
    one('#apply').click()
    ok('or between two times', until(lambda: drawn() >= 2 and 'to=1' in (
        browser.execute_script("return document.querySelector("
                               "'[data-resource=numproc]').dataset.wanted"))))
    go(OPEN + '/#/nobody')
    ok('no such container', until(lambda: 'no container “nobody”' in text()))


def test_refresh():
    go(OPEN + '/')
    until(names)
    first = browser.execute_script('return document.body.dataset.fresh')
    ok('it refreshes by itself', until(lambda: browser.execute_script(
        'return document.body.dataset.fresh') != first))
    table = os.environ['RSTAT_FAKE']
    with open(table, encoding='utf-8') as file:
        site = json.load(file)

    def change():
        with open(table + '.new', 'w', encoding='utf-8') as new:
            json.dump(site, new)
        os.rename(table + '.new', table)

    site['containers'][0]['rows']['numproc'][0] = 7
    site['stale'] = 600
    change()
    ok('and shows what has changed', until(lambda: '7 / 20' in text()))
    ok('and how old the rest is',
       until(lambda: 'were read 10 min ago' in one('#trouble').text))
    del site['stale']
    change()
    ok('until it is not', until(lambda: 'were read' not in text()))


def test_phone():
    look(390, 844, False)
    go(OPEN + '/')
    ok('a phone: the list', until(names) and fits())
    picture('phone')
    go(OPEN + '/#/web')
    ok('a phone: graphs', until(lambda: drawn() >= 1) and fits())
    picture('phone-detail')
    look(390, 844, True)
    go(OPEN + '/#/web')
    ok('in the dark', until(lambda: drawn() >= 1) and browser.execute_script(
        'return getComputedStyle(document.body).backgroundColor') ==
       'rgb(16, 22, 28)')
    picture('phone-dark')
    look(1280, 900, True)
    go(OPEN + '/#/web')
    until(lambda: drawn() >= 2)
    picture('detail-dark')
    look(1280, 900, False)


def test_tokens():
    go(CLOSED + '/')
    ok('a token is asked for', until(lambda: one('#token')))
    ok('before that, nothing is shown', 'web' not in text())
    one('#token').send_keys('wrong' + Keys.ENTER)
    ok('a wrong one is not known', until(lambda: 'not known' in text()))
    one('#token').send_keys(WEB + Keys.ENTER)
    ok('a tenant sees its container', until(lambda: names() == ['web']))
    ok('and no other', 'sum' not in text() and 'my"sql' not in text())
    picture('tenant')
    go(CLOSED + '/#/web')
    ok('with its graphs', until(lambda: drawn() >= 2))
    go(CLOSED + '/#/db')
    ok('not those of another', until(lambda: 'no container “db”' in text()))
    browser.execute_script('sessionStorage.clear()')
    go(CLOSED + '/#token=' + ALL)
    ok('a link can have the token', until(lambda: len(names()) == 3))
    ok('which then leaves the address', ALL not in browser.current_url)


def test_console():
    """What the page's security policy or scripts complained of."""
    bad = [entry['message'] for entry in browser.get_log('browser')
           if '401' not in entry['message'] and '404' not in entry['message']]
    for message in bad:
        print('#', message)
    ok('no error in the console', not bad)


try:
    test_list()
    test_keys()
    test_detail()
    test_refresh()
    test_phone()
    test_tokens()
    test_console()
finally:
    browser.quit()
print(f'1..{number}')
sys.exit(1 if failures else 0)
