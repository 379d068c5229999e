"""The project's settings. What stands here is Scrapy's, but for one line."""

BOT_NAME = "shop"

SPIDER_MODULES = ["shop.spiders"]
NEWSPIDER_MODULE = "shop.spiders"

# The one line: every GET asks only for what changed.
ADDONS = {"notmodified.scrapy.Addon": 500}

ROBOTSTXT_OBEY = True
# A cookie would name all the proxies to the origin as one visitor.
COOKIES_ENABLED = False

# Through which proxies, for shop.middlewares: `http://user:password@host:port`, as many as there are.
PROXIES: list[str] = []
DOWNLOADER_MIDDLEWARES = {
    "shop.middlewares.RotatingProxies": 543,
}

# As fast as the origin answers, and no faster.
AUTOTHROTTLE_ENABLED = True
AUTOTHROTTLE_START_DELAY = 1.0
AUTOTHROTTLE_TARGET_CONCURRENCY = 2.0

ITEM_PIPELINES = {
    "shop.pipelines.Price": 300,
    # Needs Pillow, and is left out without it.
    "scrapy.pipelines.images.ImagesPipeline": 400,
    "scrapy.pipelines.files.FilesPipeline": 500,
    "shop.pipelines.History": 600,
}
IMAGES_STORE = "media"
FILES_STORE = "media"
# Days. Ask about pictures and data sheets in every crawl: what did not change costs no download any more.
IMAGES_EXPIRES = 0
FILES_EXPIRES = 0

# Where shop.pipelines writes what changed.
HISTORY = "history.sqlite"

FEED_EXPORT_ENCODING = "utf-8"
