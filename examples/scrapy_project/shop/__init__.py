"""A Scrapy project as `scrapy startproject` lays it out, that pays only for what changed.

    categories → products → price → pictures and data sheets → history.sqlite

    scrapy crawl products -a start_url=https://shop.example/ -s PROXIES=http://one.example:3128,http://two.example:3128

Only the line `ADDONS` in `settings.py` is there because of notmodified. From the second crawl on, what did not change
costs a 304, pictures, data sheets and robots.txt included, and `Product.changed` tells what did. With `-s JOBDIR=job`
a crawl can be stopped and goes on when the command is given again; one that was killed starts over, in 304s.
"""
